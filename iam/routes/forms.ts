import { type TProperties, Type } from 'typebox'
import {
  type FilterCompiler,
  filterQuery,
  formatCursor,
  formatInstant,
  pageQuery,
  parseCursor,
} from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import { memberText } from '../policy/json.ts'
import { lintPolicy } from '../policy/lint.ts'
import { PolicySyntaxError, placeOf } from '../policy/problem.ts'
import type { CompiledPolicy } from '../policy/statement.ts'

const PAGE_ITEMS_MAX = 1_000
const PAGE_ITEMS_DEFAULT = 100

export const closed = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false })

export const nameParam = closed({ name: Type.String() })
export const nameSchema = Type.String({ minLength: 1, maxLength: 128 })
export const tagsSchema = Type.Record(Type.String({ minLength: 1, maxLength: 128 }), Type.String({ maxLength: 256 }), {
  maxProperties: 50,
})

/** A policy document: an object, or its text. As an object it is read from the bytes of the request, so that duplicate
 * members are seen and places are those of what was sent. */
export const documentSchema = Type.Union([Type.String(), Type.Object({}, { additionalProperties: true })], {
  description: 'A policy document, as JSON or as a string that holds it',
})

export const lintSchema = Type.Object({
  code: Type.String(),
  line: Type.Integer(),
  column: Type.Integer(),
  message: Type.String(),
})

/** @throws iam.policy.malformed */
export function documentText(given: string | object, rawBody: Buffer | undefined, member: string): string {
  if (typeof given === 'string') return given
  const text = rawBody?.toString('utf8') ?? ''
  try {
    return memberText(text, member) ?? JSON.stringify(given)
  } catch (error) {
    throw malformedBody(text, error)
  }
}

/** What the strict reader found in a body, with its place; any other error as it is. */
export function malformedBody(text: string, error: unknown): unknown {
  if (!(error instanceof PolicySyntaxError)) return error
  const { line, column } = placeOf(text, error.offset)
  return iamError('iam.policy.malformed', `${error.message} (line ${line}, column ${column} of the body)`, {
    errors: [{ path: `${line}:${column}`, message: error.message }],
    cause: error,
  })
}

export function lintsOf(policy: CompiledPolicy | undefined) {
  return policy ? lintPolicy(policy) : []
}

export const listQuery = closed({
  ...pageQuery({ max: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT }),
  ...filterQuery(),
})

export interface PageQuery {
  readonly limit?: number
  readonly cursor?: string
  readonly filter?: string
}

/** A page of `items`, which are sorted by `placeOf`. */
export function page<Item extends object>(
  items: readonly Item[],
  query: PageQuery,
  given: {
    readonly placeOf: (item: Item) => string
    readonly compileFilter: FilterCompiler
    /** Default: rising. */
    readonly order?: 'rising' | 'falling'
  },
): { items: Item[]; nextCursor?: string } {
  const after = parseCursor(query.cursor)
  const matches = query.filter === undefined ? undefined : given.compileFilter(query.filter)
  const isPast = (place: string) => after === undefined || (given.order === 'falling' ? place < after : place > after)
  const limit = query.limit ?? PAGE_ITEMS_DEFAULT
  const found: Item[] = []
  for (const item of items) {
    if (!isPast(given.placeOf(item))) continue
    if (matches && !matches(item)) continue
    const last = found.at(-1)
    if (found.length === limit && last) return { items: found, nextCursor: formatCursor(given.placeOf(last)) }
    found.push(item)
  }
  return { items: found }
}

const contextValue = Type.Union([
  Type.String({ maxLength: 2_048 }),
  Type.Number(),
  Type.Boolean(),
  Type.Array(Type.String({ maxLength: 2_048 }), { maxItems: 200 }),
])

/** What is stated of a request. */
export const contextSchema = Type.Record(Type.String({ minLength: 1, maxLength: 256 }), contextValue, {
  maxProperties: 100,
})

/** Whether somebody can, and what is left to be decided by the request. */
export const abilityProperties = {
  can: Type.Enum(['now', 'conditionally']),
  statements: Type.Array(Type.String(), { description: 'Those that allow, or would' }),
  if: Type.Optional(Type.String({ description: 'What has to hold, in words: `MFA and 00:00-04:00`' })),
  residue: Type.Optional(
    Type.Unknown({ description: 'The same as data: of each group in `when` one must hold, and none in `unless`' }),
  ),
}

export const holderProperties = {
  name: Type.String(),
  id: Type.String(),
  arn: Type.String(),
  createdAt: Type.String({ format: 'date-time' }),
  attachedPolicies: Type.Array(Type.String(), { description: 'ARNs of managed policies' }),
  inlinePolicies: Type.Array(Type.String(), { description: 'Names' }),
}

interface HolderForm {
  readonly name: string
  readonly id: string
  readonly arn: string
  readonly createdAt: number
  readonly attached: readonly string[]
  readonly inline: ReadonlyMap<string, unknown>
}

export function holderForm({ name, id, arn, createdAt, attached, inline }: HolderForm) {
  return {
    name,
    id,
    arn,
    createdAt: formatInstant(createdAt),
    attachedPolicies: [...attached],
    inlinePolicies: [...inline.keys()],
  }
}
