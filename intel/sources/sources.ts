import type { Clock } from '../../platform/index.ts'
import { intelError } from '../errors.ts'
import { SOURCES_WEIGHED_MAX } from '../limits.ts'
import type { Place } from '../types.ts'
import { WEIGHT_DEFAULT } from '../worth.ts'
import type { Source, SourceStore } from './store.ts'

/** Whose word indicators are, and what it is worth. */
export interface Sources {
  /** Reads what the sources of an account weigh; before its indicators are put before the matchers. */
  load(account: Place['account']): Promise<void>
  /** Percent. */
  weightOf(place: Place, source: string): number
  /** Holds for what is read and told from now on; what is matched follows with `onWeight`.   @throws intel.source.tooMany */
  setWeight(place: Place, name: string, weight: number): Promise<Source>
  /** Those with a weight of their own or a verdict on what they said. */
  list(place: Place): Promise<Source[]>
}

/** @param deps.onWeight has indicators matched by the weights as they now are */
export function createSources(deps: {
  readonly store: SourceStore
  readonly clock: Clock
  readonly onWeight: (place: Place) => Promise<void>
}): Sources {
  const { store, clock, onWeight } = deps
  const weights = new Map<string, Map<string, number>>()
  const keyOf = ({ account, workspace }: Place) => `${account}/${workspace}`

  const read = async (place: Place): Promise<Source[]> => {
    const sources = await store.list(place)
    weights.set(keyOf(place), new Map(sources.map(({ name, weight }) => [name, weight])))
    return sources
  }

  return {
    async load(account) {
      for (const workspace of await store.workspaces(account)) await read({ account, workspace })
    },

    weightOf: (place, source) => weights.get(keyOf(place))?.get(source) ?? WEIGHT_DEFAULT,

    async setWeight(place, name, weight) {
      const sources = await store.list(place)
      if (sources.length >= SOURCES_WEIGHED_MAX && !sources.some((source) => source.name === name)) {
        throw intelError('intel.source.tooMany', `a workspace weighs at most ${SOURCES_WEIGHED_MAX} sources`)
      }
      await store.setWeight(place, name, weight, clock.now())
      const source = (await read(place)).find((each) => each.name === name)
      await onWeight(place)
      if (!source) throw new Error('a source that was written is there')
      return source
    },

    list: (place) => store.list(place),
  }
}
