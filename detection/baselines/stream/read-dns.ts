import { parse } from 'tldts'
import type { Event } from '../../../pipeline/index.ts'
import type { DnsQuery } from '../entities/dns-tunnel.ts'
import type { Resolution } from '../entities/generated-domain.ts'
import { deviceOf, hostOf, memberOf, nameOf, oncePerEvent } from './members.ts'

interface Asked {
  readonly client: string
  readonly name: string
  readonly registeredDomain: string
  readonly label: string
}

const askedOf = oncePerEvent((event): Asked | undefined => {
  const name = nameOf(memberOf(event.ocsf.query, 'hostname'))?.toLowerCase()
  const client = hostOf(event.ocsf.src_endpoint) ?? deviceOf(event)
  if (name === undefined || client === undefined) return undefined
  // Names of the inside have no public suffix; they are nobody's to register.
  const { domain, domainWithoutSuffix, isIcann, isPrivate } = parse(name)
  if (domain === null || domainWithoutSuffix === null || !(isIcann || isPrivate)) return undefined
  return { client, name, registeredDomain: domain, label: domainWithoutSuffix }
})

/** Reverse look-ups have the address in their name. */
const REVERSE = new Set(['in-addr.arpa', 'ip6.arpa'])

/** A name that was asked for. */
export function readDnsQuery(event: Event, at: number): DnsQuery | undefined {
  const asked = askedOf(event)
  return asked === undefined || REVERSE.has(asked.registeredDomain) ? undefined : { ...asked, at }
}

const NOT_THERE = 3

/** Whether a name that was asked for is there; undefined while the event does not say. */
export function readResolution(event: Event, at: number): Resolution | undefined {
  const { rcode_id: code, answers } = event.ocsf
  if (code === undefined && answers === undefined) return undefined
  const asked = askedOf(event)
  return asked && { at, client: asked.client, label: asked.label, resolved: code !== NOT_THERE }
}
