import { defineErrors } from '../platform/index.ts'

export const caseError = defineErrors({
  'cases.alert.notFound': { status: 404, title: 'No such alert' },
  'cases.alert.wrongMove': { status: 409, title: 'An alert does not move so' },
  'cases.alert.verdictMissing': { status: 409, title: 'Closing an alert needs a verdict' },
  'cases.alert.invalid': { status: 422, title: 'Not a change of an alert' },
  'cases.alert.tooManyComments': { status: 409, title: 'The alert has too many comments' },
  'cases.alert.busy': { status: 503, title: 'Too many writers at once' },
  'cases.entity.notFound': { status: 404, title: 'No such entity' },
  'cases.entity.badCursor': { status: 400, title: 'Not a cursor of this list' },
  'cases.finding.unnamed': { status: 422, title: 'A foreign finding without a product' },
})
