import { describe, expect, it } from 'vitest'
import { wholeOf } from '../blocks/savable.ts'
import { BEHAVIOURS_MAX, ENTITIES_MAX, GUESSED_MAX, PAIRS_MAX } from '../limits.ts'
import { DAY_MS, START, type Twin } from '../testing/twin.ts'
import { twins } from '../testing/twins.ts'
import type { Connection } from './beacon.ts'
import type { Attempt } from './guessing.ts'
import type { Flow } from './network-behaviour.ts'
import type { Amount } from './volume.ts'

interface Observation {
  readonly at: number
}

interface Flood {
  readonly detector: string
  /** When it comes, and the bound of what it is to overrun. */
  readonly day: number
  readonly max: number
  /** An observation of a name that nobody ever saw. */
  readonly make: (i: number, at: number) => Observation
  /** Who uses the memory that is flooded. */
  readonly nameOf: (observation: never) => string
}

const floods: readonly Flood[] = [
  {
    ...{ detector: 'volume', day: 20, max: ENTITIES_MAX },
    make: (i, at) => ({ at, entity: `made-up-${i}`, amount: 1 }) satisfies Amount,
    nameOf: ({ entity }: Amount) => entity,
  },
  {
    ...{ detector: 'beacon', day: 1.35, max: PAIRS_MAX },
    make: (i, at) =>
      ({ at, source: '10.0.0.1', destination: `made-up-${i}:443`, bytesOut: i % 1_000 }) satisfies Connection,
    nameOf: ({ source, destination }: Connection) => `${source} ${destination}`,
  },
  {
    ...{ detector: 'distributed-guessing', day: 9, max: GUESSED_MAX },
    make: (i, at) =>
      ({
        ...{ at, user: `made-up-${i}`, source: `host-${i % 500}`, network: `AS${i % 500}`, succeeded: false },
      }) satisfies Attempt,
    // The world's: whoever mistypes at home is not counted.
    nameOf: ({ user, network }: Attempt) => (network.startsWith('bot-') ? user : ''),
  },
  {
    ...{ detector: 'network-behaviour', day: 15, max: BEHAVIOURS_MAX },
    make: (i, at) =>
      ({
        ...{ at, host: `made-up-${i}`, peer: 'peer', port: '443' },
        ...{ bytesOut: 1, bytesIn: 1, failed: false },
      }) satisfies Flow,
    nameOf: ({ host }: Flow) => host,
  },
]

describe.each(floods)('$detector, flooded with ten times as many made-up names as it holds', (flood) => {
  const { detector, day, max, make } = flood
  const twin = twins.find((one) => one.detector === detector) as unknown as Twin<Observation>
  const nameOf = flood.nameOf as (observation: Observation) => string
  const floodedAt = START + day * DAY_MS

  it('knows whom it knew for a day, and says of them what it says without the flood', () => {
    const observations = twin.strengths
      .at(-1)!
      .make(1)
      .observations.sort((a, b) => a.at - b.at)
    const begin = observations.findIndex(({ at }) => at >= floodedAt)
    const firstAt = new Map<string, number>()
    const known = new Set<string>()
    for (const observation of observations.slice(0, begin)) {
      const name = nameOf(observation)
      if (name === '') continue
      const first = firstAt.get(name) ?? observation.at
      firstAt.set(name, first)
      if (observation.at - first >= DAY_MS) known.add(name)
    }
    const run = (floodNames: number) => {
      let model = twin.create()
      const stated = observations.slice(0, begin).flatMap((observation) => model.observe(observation) ?? [])
      // Whom it knows for long is kept with the rest.
      model = twin.create(JSON.parse(JSON.stringify(wholeOf(model.save()))))
      for (let i = 0; i < floodNames; i++) model.observe(make(i, floodedAt))
      const names = new Set(model.names())
      expect([...known].filter((name) => !names.has(name))).toEqual([])
      const later = observations.slice(begin).flatMap((observation) => model.observe(observation) ?? [])
      expect(stated.length + later.length).toBeGreaterThan(0)
      return [...stated, ...later].filter(({ entity }) => known.has(entity))
    }
    expect(known.size).toBeGreaterThan(4)
    expect(run(10 * max)).toEqual(run(0))
  })
})
