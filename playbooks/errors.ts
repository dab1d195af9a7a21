import { defineErrors } from '../platform/index.ts'

/** The errors of playbooks on the wire. */
export const playbookError = defineErrors({
  'playbooks.playbook.invalid': { status: 422, title: 'The playbook is wrong' },
  'playbooks.playbook.notFound': { status: 404, title: 'No such playbook' },
  'playbooks.playbook.changed': { status: 409, title: 'The playbook changed meanwhile' },
  'playbooks.playbook.tooMany': { status: 409, title: 'Too many playbooks' },
  'playbooks.hook.taken': { status: 409, title: 'The webhook path belongs to another playbook' },
  'playbooks.hook.refused': { status: 401, title: 'The trigger refused the caller' },
  'playbooks.hook.invalid': { status: 422, title: 'The body does not fit the trigger' },
  'playbooks.hook.tooLarge': { status: 413, title: 'The body is larger than the trigger takes' },
  'playbooks.trigger.notFound': { status: 404, title: 'No such trigger' },
  'playbooks.role.notPassable': { status: 403, title: 'The role may not be passed' },
  'playbooks.run.notFound': { status: 404, title: 'No such run' },
  'playbooks.run.wrongState': { status: 409, title: 'The run is in another state' },
  'playbooks.inputs.invalid': { status: 422, title: 'The inputs are wrong' },
  'playbooks.approval.notFound': { status: 404, title: 'No such approval' },
  'playbooks.approval.notYours': { status: 403, title: 'Not yours to decide' },
  'playbooks.approval.wrongState': { status: 409, title: 'The approval is decided' },
})
