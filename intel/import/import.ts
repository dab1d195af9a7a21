import type { Clock, Metrics } from '../../platform/index.ts'
import { indicatorId } from '../indicator-id.ts'
import type { Ended, Indicators, Told } from '../indicators.ts'
import { intelMetrics } from '../metrics.ts'
import type { StixStore } from '../stix/store.ts'
import type { Place } from '../types.ts'
import { readImport } from './read.ts'
import type { ImportFormat, Reading, Refusal } from './reading.ts'

export interface ImportOptions {
  /** Found by the looks of the file when absent. */
  readonly format?: ImportFormat
  readonly source: string
  /** Of what does not say itself how sure it is. */
  readonly confidence: number
  readonly signal?: AbortSignal
}

export interface ImportSummary extends Told {
  readonly format: ImportFormat
  /** STIX objects that were not kept before. */
  readonly objects: number
  /** Indicators that ended. */
  readonly revoked: number
  readonly sightings: number
  /** Patterns that are kept and not compared with events. */
  readonly notMatched: number
  readonly refusedCount: number
  readonly refused: readonly Refusal[]
}

export type Imports = ReturnType<typeof createImports>

/** Takes whole files of indicators. */
export function createImports(deps: {
  readonly indicators: Indicators
  readonly objects: StixStore
  readonly clock: Clock
  readonly metrics: Metrics
}) {
  const { indicators, objects, clock } = deps
  const counts = deps.metrics.use(intelMetrics)

  return {
    /** @throws intel.import.unreadable, intel.import.tooLarge, intel.import.tooMany, intel.indicator.tooMany */
    run(place: Place, body: Buffer, options: ImportOptions): Promise<ImportSummary> {
      const { source, confidence, format } = options
      return this.apply(place, readImport(body, format, { source, confidence, now: clock.now() }), options)
    },

    /** Takes what was read. May be repeated. */
    async apply(place: Place, reading: Reading, { source, signal }: ImportOptions): Promise<ImportSummary> {
      if (reading.objects.length > 0) await objects.requireRoom(place, reading.objects.length)
      const told = await indicators.tell(place, reading.statements, signal ? { signal } : {})
      const revoked = await indicators.revokeStix(place, source, endedBy(reading))
      const sightings = await indicators.recordStixSightings(place, reading.sightings)
      const kept = await objects.put(place, reading.objects, clock.now())
      const { format, refused, refusedCount } = reading
      counts.refused.add({ format }, refusedCount)
      const notMatched = reading.statements.filter((statement) => statement.notMatched !== undefined).length
      return { format, objects: kept, ...told, revoked, sightings, notMatched, refusedCount, refused }
    },
  }
}

/** What each STIX object still speaks of: all else that it said before is over. */
function endedBy({ statements, revoked }: Reading): Map<string, Ended> {
  const keeps = new Map<string, Set<string>>()
  for (const { stixId, observable } of statements) {
    if (stixId === undefined) continue
    const ids = keeps.get(stixId)
    if (ids) ids.add(indicatorId(observable))
    else keeps.set(stixId, new Set([indicatorId(observable)]))
  }
  return new Map(revoked.map(({ stixId, saidAt }) => [stixId, { saidAt, keeps: keeps.get(stixId) ?? new Set() }]))
}
