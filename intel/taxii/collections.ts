import { createHash } from 'node:crypto'
import type { Indicators } from '../indicators.ts'
import { formatMicros } from '../stix/object.ts'
import type { ObjectQuery, StixStore, StoredObject } from '../stix/store.ts'
import { stixIndicator } from '../stix/write-indicator.ts'
import type { Indicator, Place } from '../types.ts'

/** A collection of TAXII, one of a workspace. */
export interface Collection {
  readonly id: string
  readonly alias: 'indicators' | 'objects'
  readonly title: string
  readonly description: string
  readonly canWrite: boolean
}

/** The collections of a workspace: what all sources together say now, and objects as they came. */
export function collectionsOf(place: Place): readonly Collection[] {
  return [
    {
      id: collectionId(place, 'indicators'),
      alias: 'indicators',
      title: `Indicators of ${place.workspace}`,
      description: 'Each indicator as all its sources together state it now.',
      canWrite: false,
    },
    {
      id: collectionId(place, 'objects'),
      alias: 'objects',
      title: `STIX objects of ${place.workspace}`,
      description: 'Objects as they came, all versions. What is put here is acted on.',
      canWrite: true,
    },
  ]
}

/** @param name id or alias */
export function findCollection(place: Place, name: string): Collection | undefined {
  return collectionsOf(place).find(({ id, alias }) => id === name || alias === name)
}

function collectionId({ account, workspace }: Place, alias: string): string {
  const hex = createHash('sha256').update(`taxii ${account} ${workspace} ${alias}`).digest('hex')
  // Version 8: made our own way.   @see RFC 9562 5.8
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** The objects of a collection that are asked for, in order of coming. */
export async function readCollection(
  { alias }: Collection,
  place: Place,
  query: ObjectQuery,
  deps: { readonly indicators: Indicators; readonly objects: StixStore },
): Promise<readonly StoredObject[]> {
  return alias === 'objects' ? deps.objects.list(place, query) : readIndicators(place, query, deps.indicators)
}

/** Of indicators there is one version: as it is now. */
async function readIndicators(place: Place, query: ObjectQuery, indicators: Indicators): Promise<StoredObject[]> {
  const { addedAfterUs, limit, types, specVersions, versions } = query
  if (types && !types.includes('indicator')) return []
  if (specVersions && !specVersions.includes('2.1')) return []
  const ids = query.ids?.filter((id) => id.startsWith('indicator--')).map((id) => id.slice('indicator--'.length))
  if (ids?.length === 0) return []
  const found = await indicators.listChanged(place, { afterUs: addedAfterUs, limit, ...(ids ? { ids } : {}) })
  const anyVersion = versions.some((version) => ['last', 'first', 'all'].includes(version))
  return found.map(toObject).filter(({ version }) => anyVersion || versions.includes(version))
}

function toObject(indicator: Indicator): StoredObject {
  return {
    id: `indicator--${indicator.id}`,
    version: formatMicros(Math.max(indicator.createdAt, indicator.updatedAt) * 1000),
    specVersion: '2.1',
    addedUs: indicator.addedUs,
    json: JSON.stringify(stixIndicator(indicator)),
  }
}
