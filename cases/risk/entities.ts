import { type Clock, pageThrough } from '../../platform/index.ts'
import { caseError } from '../errors.ts'
import { RISK_ALERT_SCORE, RISK_ALERT_TACTICS, RISK_CONTRIBUTIONS_MAX, SCAN_ROWS_MAX } from '../limits.ts'
import type { AlertPlace, AlertTransaction } from '../store.ts'
import { type Criticality, round, shareOf, worthOf } from './score.ts'
import { type createRiskStore, type EntityKey, type EntityRisk, RANK_OF_NOTHING } from './store.ts'

/** An entity as it is listed. */
export interface ListedEntity {
  readonly type: string
  readonly value: string
  /** 0 to 100, now. */
  readonly risk: number
  readonly criticality: Criticality
  readonly contributions: number
  /** Seen within the window when it was last moved. */
  readonly tactics: readonly string[]
}

/** Why an entity's risk is what it is: what adds how much to it. */
export interface ExplainedRisk extends ListedEntity {
  readonly at: number
  readonly alertScore: number
  readonly alertTactics: number
  readonly parts: readonly ExplainedPart[]
}

interface ExplainedPart {
  readonly alertId?: string
  readonly ruleId: string
  readonly title: string
  readonly at: number
  readonly findings: number
  readonly recordIds: readonly string[]
  readonly tactics: readonly string[]
  readonly techniques: readonly string[]
  /** risk = base × confidence × intel × asset, at most 100; */
  readonly risk: number
  readonly base: number
  readonly confidence: number
  readonly intel: number
  readonly asset: number
  /** of which age left so much, */
  readonly decayed: number
  /** and which adds so much to the entity's. Absent = it does not count: it was judged harmless. */
  readonly share?: number
}

export interface Entities {
  /** Highest risk first. */
  listEntities(
    place: AlertPlace,
    page: {
      readonly limit: number
      readonly cursor?: string
      readonly matches?: (entity: ListedEntity) => boolean
    },
  ): Promise<{ items: ListedEntity[]; nextCursor?: string }>
  /** @throws cases.entity.notFound */
  explainRisk(place: AlertPlace, key: EntityKey, partsMax: number): Promise<ExplainedRisk>
  /** Says how much it matters what happens to an entity; alerts from now on are scored by it. */
  setCriticality(place: AlertPlace, key: EntityKey, criticality: Criticality): Promise<ListedEntity>
}

export interface EntitiesDeps {
  readonly store: ReturnType<typeof createRiskStore>
  readonly write: <T>(work: (tx: AlertTransaction) => Promise<T>) => Promise<T>
  readonly clock: Clock
}

export function createEntities({ store, write, clock }: EntitiesDeps): Entities {
  const require = async (place: AlertPlace, key: EntityKey): Promise<EntityRisk> => {
    const entity = await store.findEntity(place, key)
    if (entity) return entity
    throw caseError('cases.entity.notFound', `nothing is known of ${key.kind} \`${key.value}\``)
  }

  return {
    listEntities(place, page) {
      const now = clock.now()
      return pageThrough<EntityRisk, ListedEntity>(page, {
        read: ({ after, limit }) =>
          store.pageEntities(place, { limit, ...(after === undefined ? {} : { after: readPlace(after) }) }),
        placeOf: writePlace,
        toItem: (row) => toListed(row, now),
        scannedMax: SCAN_ROWS_MAX,
      })
    },

    async explainRisk(place, key, partsMax) {
      const now = clock.now()
      const entity = await require(place, key)
      const rows = await store.top(place, key, Math.min(partsMax, RISK_CONTRIBUTIONS_MAX), { all: true })
      let counted = 0
      const parts = rows.map((row): ExplainedPart => {
        if (row.counts) counted++
        const { alertId, ruleId, title, at, findings, recordIds, tactics, techniques, risk, weight } = row
        const { score, ...inputs } = risk
        return {
          ...(alertId === undefined ? {} : { alertId }),
          ...{ ruleId, title, at, findings, recordIds, tactics, techniques, risk: score, ...inputs },
          decayed: round(worthOf(weight, now)),
          ...(row.counts ? { share: round(shareOf(weight, counted, now)) } : {}),
        }
      })
      return {
        ...toListed(entity, now),
        at: now,
        alertScore: RISK_ALERT_SCORE,
        alertTactics: RISK_ALERT_TACTICS,
        parts,
      }
    },

    async setCriticality(place, key, criticality) {
      await write((tx) => tx.risk.setCriticality(place, key, criticality, clock.now()))
      return toListed(await require(place, key), clock.now())
    },
  }
}

function toListed({ kind, value, rank, criticality, contributions, tactics }: EntityRisk, now: number): ListedEntity {
  const risk = rank === RANK_OF_NOTHING ? 0 : round(Math.min(100, worthOf(rank, now)))
  return { type: kind, value, risk, criticality: criticality ?? 'normal', contributions, tactics }
}

function writePlace({ rank, kind, value }: Pick<EntityRisk, 'rank' | 'kind' | 'value'>): string {
  return JSON.stringify([rank, kind, value])
}

function readPlace(text: string): EntityKey & { readonly rank: number } {
  try {
    const [rank, kind, value]: unknown[] = JSON.parse(text)
    if (typeof rank === 'number' && typeof kind === 'string' && typeof value === 'string') return { rank, kind, value }
  } catch {
    // Told below.
  }
  throw caseError('cases.entity.badCursor', '`cursor` is not one that this list gave')
}
