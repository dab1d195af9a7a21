import type { Event } from '../../../pipeline/index.ts'
import type { Amount } from '../entities/volume.ts'
import { memberOf, userOf } from './members.ts'

/** A call that somebody made; what services do on somebody's behalf is not counted. */
export function readCall({ ocsf }: Event, at: number): Amount | undefined {
  const entity = userOf(memberOf(ocsf.actor, 'user'))
  if (entity === undefined || memberOf(ocsf.actor, 'invoked_by') !== undefined) return undefined
  return { at, entity, amount: 1 }
}
