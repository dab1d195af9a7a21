import { PassThrough } from 'node:stream'
import { createLog, Egress, systemClock } from '../../platform/index.ts'
import type { Log, UpdateAlert } from '../types.ts'
import type { Action } from './action.ts'
import { alertUpdate } from './alert-update.ts'
import { httpRequest } from './http-request.ts'
import { notifyLog } from './notify-log.ts'
import type { ActionSpecs } from './spec.ts'

export interface ActionDeps {
  readonly egressAllow: readonly string[]
  readonly updateAlert: UpdateAlert
  readonly log: Log
}

/** Every action there is, by name. @throws Error for a wrong entry of `egressAllow` */
export function createActions(deps: ActionDeps): ReadonlyMap<string, Action> {
  const actions = [httpRequest(new Egress(deps.egressAllow)), alertUpdate(deps.updateAlert), notifyLog(deps.log)]
  return new Map(actions.map((action) => [action.name, action]))
}

/** What the actions take and give, for the linter where nothing can run. */
export const actionSpecs: ActionSpecs = createActions({
  egressAllow: [],
  updateAlert: () => Promise.reject(new Error('nothing runs here')),
  log: createLog({ clock: systemClock, stream: new PassThrough(), level: 'silent' }),
})
