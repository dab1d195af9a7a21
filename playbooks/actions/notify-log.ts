import type { Log } from '../types.ts'
import type { Action } from './action.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** `notify.log`: a line of the service log that names the run. */
export function notifyLog(log: Log): Action {
  return {
    name: 'notify.log',
    summary: 'Writes a line to the service log.',
    parameters: {
      message: { type: 'string', required: true, description: 'what to say' },
      level: { type: 'string', enum: LEVELS, description: 'debug, info (the default), warn or error' },
    },
    output: { fields: { message: 'string', level: 'string' } },
    idempotence: () => 'natural',
    run: async (input, call) => {
      const level = LEVELS.find((known) => known === input.level) ?? 'info'
      const message = String(input.message)
      const { account, workspace, playbookId, runId, stepId } = call
      log[level]({ account, workspace, playbookId, runId, stepId, said: message }, 'a playbook says something')
      return { ok: true, output: { message, level } }
    },
  }
}
