import type { Event } from '../../../pipeline/index.ts'
import type { Connection } from '../entities/beacon.ts'
import { amountOf, hostOf, memberOf, nameOf } from './members.ts'

/** Activities of OCSF Network Activity at which nothing was exchanged. */
const NOT_CONNECTED = new Set([4, 5, 7])

/** A connection that came about. */
export function readConnection({ ocsf }: Event, at: number): Connection | undefined {
  if (NOT_CONNECTED.has(ocsf.activity_id as number)) return undefined
  const source = hostOf(ocsf.src_endpoint)
  const target = ocsf.dst_endpoint
  const host = hostOf(target)
  if (source === undefined || host === undefined) return undefined
  const port = nameOf(memberOf(target, 'port'))
  const bytesOut = amountOf(memberOf(ocsf.traffic, 'bytes_out')) ?? 0
  return { at, source, destination: port === undefined ? host : `${host}:${port}`, bytesOut }
}
