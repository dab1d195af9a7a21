import type { Event } from '../../../pipeline/index.ts'
import type { KeyCall } from '../entities/key-leak.ts'
import type { Amount } from '../entities/volume.ts'
import { hostOf, memberOf, nameOf, networkOf, userOf } from './members.ts'

const FAILURE = 2

/** A call that somebody made; what services do on somebody's behalf is not counted. */
export function readCall({ ocsf }: Event, at: number): Amount | undefined {
  const entity = userOf(memberOf(ocsf.actor, 'user'))
  if (entity === undefined || memberOf(ocsf.actor, 'invoked_by') !== undefined) return undefined
  return { at, entity, amount: 1 }
}

/** A program's name at the front of what it calls itself: `aws-cli` of `aws-cli/2.1 Python/3.9`. */
function agentOf(text: string): string {
  const start = text.startsWith('[') ? 1 : 0
  const named = text.slice(start, start + 64)
  const end = named.search(/[\s/(]/)
  const name = end < 0 ? named : named.slice(0, end)
  return name === '' ? 'none' : name.toLowerCase()
}

const REFUSED = /denied|unauthori[sz]ed|forbidden|notauthorized/i

/** A call made with an access key, over a network. */
export function readKeyCall({ ocsf }: Event, at: number): KeyCall | undefined {
  const key = nameOf(memberOf(memberOf(ocsf.actor, 'user'), 'credential_uid'))
  const operation = nameOf(memberOf(ocsf.api, 'operation'))
  if (key === undefined || operation === undefined) return undefined
  const error = nameOf(memberOf(memberOf(ocsf.api, 'response'), 'error')) ?? nameOf(ocsf.status_code)
  return {
    at,
    key,
    network: networkOf(ocsf.src_endpoint) ?? hostOf(ocsf.src_endpoint) ?? 'unknown',
    agent: agentOf(nameOf(memberOf(ocsf.http_request, 'user_agent')) ?? ''),
    service: nameOf(memberOf(memberOf(ocsf.api, 'service'), 'name')) ?? 'unknown',
    operation,
    region: nameOf(memberOf(ocsf.cloud, 'region')) ?? 'unknown',
    denied: ocsf.status_id === FAILURE && error !== undefined && REFUSED.test(error),
  }
}
