import type { Event } from '../../../pipeline/index.ts'
import type { Connection } from '../entities/beacon.ts'
import type { Sent } from '../entities/exfiltration.ts'
import type { Flow } from '../entities/network-behaviour.ts'
import { amountOf, hostOf, isInside, memberOf, nameOf } from './members.ts'

/** Activities of OCSF Network Activity: nothing was exchanged, and somebody only listens. */
const FAILED = new Set<unknown>([4, 5])
const LISTENS = 7

/** Tells only what was said in a connection, which another event tells of itself. */
const isAside = (ocsf: Event['ocsf']): boolean => ocsf.tls !== undefined && ocsf.traffic === undefined

/** A connection that came about. */
export function readConnection({ ocsf }: Event, at: number): Connection | undefined {
  if (isAside(ocsf)) return undefined
  if (FAILED.has(ocsf.activity_id) || ocsf.activity_id === LISTENS) return undefined
  const source = hostOf(ocsf.src_endpoint)
  const target = ocsf.dst_endpoint
  const host = hostOf(target)
  if (source === undefined || host === undefined) return undefined
  const port = nameOf(memberOf(target, 'port'))
  const bytesOut = amountOf(memberOf(ocsf.traffic, 'bytes_out')) ?? 0
  return { at, source, destination: port === undefined ? host : `${host}:${port}`, bytesOut }
}

/** A connection, or an attempt at one, by the machine that began it. */
export function readFlow({ ocsf }: Event, at: number): Flow | undefined {
  const host = hostOf(ocsf.src_endpoint)
  const peer = hostOf(ocsf.dst_endpoint)
  if (host === undefined || peer === undefined || ocsf.activity_id === LISTENS || isAside(ocsf)) return undefined
  return {
    ...{ at, host, peer },
    port: nameOf(memberOf(ocsf.dst_endpoint, 'port')) ?? '',
    bytesOut: amountOf(memberOf(ocsf.traffic, 'bytes_out')) ?? 0,
    bytesIn: amountOf(memberOf(ocsf.traffic, 'bytes_in')) ?? 0,
    failed: FAILED.has(ocsf.activity_id),
  }
}

/** Bytes that left for an address outside. */
export function readSent({ ocsf }: Event, at: number): Sent | undefined {
  const bytes = amountOf(memberOf(ocsf.traffic, 'bytes_out'))
  if (bytes === undefined || bytes <= 0) return undefined
  const host = hostOf(ocsf.src_endpoint)
  const target = nameOf(memberOf(ocsf.dst_endpoint, 'ip'))
  return host === undefined || target === undefined || isInside(target) ? undefined : { at, host, bytes }
}
