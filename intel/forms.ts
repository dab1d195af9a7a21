import { Type } from 'typebox'
import { formatInstant } from '../platform/index.ts'
import { scoreAt } from './decay.ts'
import { DESCRIPTION_CHARS_MAX, LABEL_CHARS_MAX, LABELS_MAX, SOURCE_CHARS_MAX, VALUE_CHARS_MAX } from './limits.ts'
import type { Sighting } from './store.ts'
import { type Indicator, indicatorTypes, type Opinion, tlps } from './types.ts'

const instant = Type.String({ format: 'date-time' })
const labels = Type.Array(Type.String({ minLength: 1, maxLength: LABEL_CHARS_MAX }), { maxItems: LABELS_MAX })
const exactTypes = indicatorTypes.filter((type) => type !== 'pattern')

/** How confident a source is that does not say. */
export const CONFIDENCE_DEFAULT = 80
/** The source of what people put by hand. */
export const SOURCE_DEFAULT = 'manual'

/** An indicator as it is put. */
export const indicatorInput = Type.Object(
  {
    type: Type.Optional(Type.Enum([...exactTypes], { description: 'Told by the form of the value when absent.' })),
    value: Type.String({ minLength: 1, maxLength: VALUE_CHARS_MAX, description: 'In any spelling, defanged too.' }),
    source: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9 ._:/@-]*$',
        maxLength: SOURCE_CHARS_MAX,
        default: SOURCE_DEFAULT,
      }),
    ),
    confidence: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: CONFIDENCE_DEFAULT })),
    tlp: Type.Optional(Type.Enum([...tlps], { default: 'amber' })),
    labels: Type.Optional(labels),
    killChain: Type.Optional(labels),
    description: Type.Optional(Type.String({ maxLength: DESCRIPTION_CHARS_MAX })),
    validFrom: Type.Optional(instant),
    validUntil: Type.Optional(instant),
    lastSeen: Type.Optional(instant),
  },
  { additionalProperties: false },
)

const opinionSchema = Type.Object({
  source: Type.String(),
  stated: Type.Integer({ description: 'How sure the source says it is.' }),
  weight: Type.Integer({ description: 'What its word is worth, percent.' }),
  confidence: Type.Integer({ description: 'What that is worth, verdicts on alerts of the indicator counted in.' }),
  score: Type.Number({ description: 'What it is worth now.' }),
  tlp: Type.Enum([...tlps]),
  labels: Type.Array(Type.String()),
  killChain: Type.Array(Type.String()),
  description: Type.Optional(Type.String()),
  stixId: Type.Optional(Type.String()),
  validFrom: Type.String(),
  validUntil: Type.Optional(Type.String()),
  lastSeen: Type.String(),
  expiresAt: Type.Optional(Type.String({ description: 'Absent when it was revoked or never held.' })),
  revoked: Type.Boolean(),
  updatedAt: Type.String(),
})

/** An indicator as it is told. */
export const indicatorSchema = Type.Object({
  id: Type.String(),
  type: Type.Enum([...indicatorTypes]),
  value: Type.String(),
  score: Type.Number({ description: 'That of the source that is surest now, 0 when it is not active.' }),
  confidence: Type.Integer(),
  active: Type.Boolean({ description: 'Events are compared with it now.' }),
  notMatched: Type.Optional(Type.String({ description: 'Why events are not compared with it.' })),
  tlp: Type.Enum([...tlps]),
  sources: Type.Array(Type.String()),
  labels: Type.Array(Type.String()),
  expiresAt: Type.Optional(Type.String()),
  opinions: Type.Array(opinionSchema),
  sightings: Type.Integer(),
  truePositives: Type.Integer({ description: 'Verdicts that it was met rightly.' }),
  falsePositives: Type.Integer(),
  firstSeen: Type.Optional(Type.String({ description: 'The first time that an event held it.' })),
  lastSeen: Type.Optional(Type.String({ description: 'The last time that an event held it.' })),
  createdAt: Type.String(),
  updatedAt: Type.String(),
})

export function toAnswer(indicator: Indicator, now: number) {
  const { id, type, value, notMatched, firstSeen, lastSighted, sightings, truePositives, falsePositives } = indicator
  const opinions = indicator.opinions.map((opinion) => toOpinionAnswer(indicator, opinion, now))
  const expiresAt = Math.max(...indicator.opinions.map((opinion) => opinion.expiresAt))
  const score = Math.max(...opinions.map((opinion) => opinion.score))
  return {
    id,
    type,
    value,
    score,
    confidence: Math.max(...opinions.map(({ confidence, revoked }) => (revoked ? 0 : confidence))),
    active: notMatched === undefined && score > 0,
    ...(notMatched === undefined ? {} : { notMatched }),
    tlp: tlps[Math.max(...opinions.map(({ tlp }) => tlps.indexOf(tlp)))] ?? 'red',
    sources: opinions.map(({ source }) => source),
    labels: [...new Set(opinions.flatMap((opinion) => opinion.labels))].sort(),
    ...(expiresAt > 0 ? { expiresAt: formatInstant(expiresAt) } : {}),
    opinions,
    sightings,
    truePositives,
    falsePositives,
    ...(firstSeen === undefined ? {} : { firstSeen: formatInstant(firstSeen) }),
    ...(lastSighted === undefined ? {} : { lastSeen: formatInstant(lastSighted) }),
    createdAt: formatInstant(indicator.createdAt),
    updatedAt: formatInstant(indicator.updatedAt),
  }
}

function toOpinionAnswer({ type }: Indicator, opinion: Opinion, now: number) {
  const { source, stated, weight, confidence, tlp, description, stixId, validUntil, revoked, expiresAt } = opinion
  const holds = now >= opinion.validFrom && now < expiresAt
  return {
    source,
    stated,
    weight,
    confidence,
    score: holds ? Math.round(10 * scoreAt(type, opinion, now)) / 10 : 0,
    tlp,
    labels: [...opinion.labels],
    killChain: [...opinion.killChain],
    ...(description === undefined ? {} : { description }),
    ...(stixId === undefined ? {} : { stixId }),
    validFrom: formatInstant(opinion.validFrom),
    ...(validUntil === undefined ? {} : { validUntil: formatInstant(validUntil) }),
    lastSeen: formatInstant(opinion.lastSeen),
    ...(expiresAt > 0 ? { expiresAt: formatInstant(expiresAt) } : {}),
    revoked,
    updatedAt: formatInstant(opinion.updatedAt),
  }
}

export const sightingSchema = Type.Object({
  id: Type.String(),
  entity: Type.String({ description: 'Who or what met it.' }),
  observable: Type.String({ description: 'The value as the event held it.' }),
  at: Type.String(),
  recordIds: Type.Array(Type.String()),
})

export function toSightingAnswer({ id, entity, observable, at, recordIds }: Sighting) {
  return { id, entity, observable, at: formatInstant(at), recordIds: [...recordIds] }
}
