import { isIP } from 'node:net'
import type { Event, JsonObject, JsonValue, Parser } from '../pipeline/index.ts'
import type { Log } from '../platform/index.ts'
import { DatabaseFile } from './database-file.ts'
import { ADDRESSES_REMEMBERED, DATABASE_CHECK_MS } from './limits.ts'
import { RecentlyAsked } from './recently-asked.ts'
import type { AddressFacts } from './types.ts'

/** Adds to events what databases know of the addresses in them. */
export interface Enricher {
  /** The event with `location` and `autonomous_system` of its ends where it does not say them itself. */
  enrich(event: Event): Event
  /** Reads databases that have changed now; otherwise that is done each ten seconds. */
  check(): Promise<void>
  stop(): void
}

const NOTHING: AddressFacts = {}
const ENDS = ['src_endpoint', 'dst_endpoint'] as const

/** Opens the databases; the first that knows something of an address is believed.
 * @param databases paths of MaxMind DB files; one that is not there is told, and read when it comes */
export async function createEnricher({
  databases,
  log,
}: {
  readonly databases: readonly string[]
  readonly log: Pick<Log, 'info' | 'warn'>
}): Promise<Enricher> {
  const files = databases.map((path) => new DatabaseFile(path, log))
  const asked = new RecentlyAsked<AddressFacts>(ADDRESSES_REMEMBERED)

  const check = async (when: 'at once' | 'settled'): Promise<void> => {
    const read = await Promise.all(files.map((file) => file.check(when)))
    if (read.includes(true)) asked.clear()
  }
  const factsOf = (ip: string): AddressFacts => asked.get(ip, () => lookUp(files, ip))
  await check('at once')
  let checking = false
  const timer = setInterval(async () => {
    if (checking) return
    checking = true
    await check('settled')
    checking = false
  }, DATABASE_CHECK_MS)
  timer.unref()

  return {
    enrich(event) {
      if (files.length === 0) return event
      let ocsf: JsonObject | undefined
      for (const name of ENDS) {
        const end = enrichEnd(event.ocsf[name], factsOf)
        if (end) ocsf = { ...(ocsf ?? event.ocsf), [name]: end }
      }
      return ocsf ? { ...event, ocsf } : event
    },
    check: () => check('at once'),
    stop: () => clearInterval(timer),
  }
}

/** A parser whose events are enriched. */
export const enriching = (parser: Parser, enricher: Pick<Enricher, 'enrich'>): Parser => ({
  parse: (record) => enricher.enrich(parser.parse(record)),
})

function lookUp(files: readonly DatabaseFile[], ip: string): AddressFacts {
  if (isIP(ip) === 0) return NOTHING
  let facts = NOTHING
  for (const file of files) facts = { ...file.lookUp(ip), ...facts }
  return facts
}

/** An end of a connection with what is known of its address; undefined where that is nothing new. */
function enrichEnd(end: JsonValue | undefined, factsOf: (ip: string) => AddressFacts): JsonObject | undefined {
  if (typeof end !== 'object' || end === null || Array.isArray(end)) return undefined
  const { ip, location, autonomous_system: system } = end as JsonObject
  if (typeof ip !== 'string' || (location !== undefined && system !== undefined)) return undefined
  const facts = factsOf(ip)
  const added = {
    ...(location === undefined && facts.location ? { location: facts.location } : {}),
    ...(system === undefined && facts.system ? { autonomous_system: facts.system } : {}),
  }
  return Object.keys(added).length === 0 ? undefined : ({ ...end, ...added } as JsonObject)
}
