import { type TSchema, Type } from 'typebox'

const FILTER_CHARS_MAX = 4_096
/** Longer than the place in any list, as text in base64. */
const CURSOR_CHARS_MAX = 1_024
const ETAGS_CHARS_MAX = 1_024

/** What a list's `filter` means: a PPL `where` expression over the members of an item. `now` is what it calls so, ms.
 * @throws what the caller is told */
export type FilterCompiler = (text: string, options?: { readonly now?: number }) => (item: object) => boolean

/** Which part of a list is asked for. */
export interface ListPage<Item> {
  readonly limit: number
  readonly cursor?: string
  /** Only those items. */
  readonly matches?: (item: Item) => boolean
}

/** Some of a list, and where it goes on. */
export interface Listed<Item> {
  readonly items: Item[]
  readonly nextCursor?: string
}

/** The members of a list's query string that say how much of it is asked for, and where it goes on. */
export function pageQuery(limit: { readonly max: number; readonly default: number }) {
  return {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limit.max, default: limit.default })),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: CURSOR_CHARS_MAX })),
  }
}

/** The member that says which items are asked for.
 * @param example a PPL condition over them */
export function filterQuery(example?: string) {
  const description = example === undefined ? 'PPL over the members of an item' : `PPL, such as \`${example}\``
  return { filter: Type.Optional(Type.String({ minLength: 1, maxLength: FILTER_CHARS_MAX, description })) }
}

/** The answer of a list. */
export function listSchema<Item extends TSchema>(item: Item) {
  return Type.Object({ items: Type.Array(item), nextCursor: Type.Optional(Type.String()) })
}

/** The page that a query string of `pageQuery` and `filterQuery` asks for.
 * @param toAnswer an item as the caller sees it: what `filter` speaks of */
export function pageOf<Item>(
  query: { readonly limit?: number; readonly cursor?: string; readonly filter?: string },
  deps: {
    readonly limit: number
    readonly compileFilter: FilterCompiler
    readonly now: number
    readonly toAnswer: (item: Item) => object
  },
): ListPage<Item> {
  const { limit = deps.limit, cursor, filter } = query
  const fits = filter === undefined ? undefined : deps.compileFilter(filter, { now: deps.now })
  return {
    limit,
    ...(cursor === undefined ? {} : { cursor }),
    ...(fits === undefined ? {} : { matches: (item) => fits(deps.toAnswer(item)) }),
  }
}

/** The header by which a write says which revision it is meant for.   @see requireMatch */
export const ifMatchHeader = { 'if-match': Type.Optional(Type.String({ maxLength: ETAGS_CHARS_MAX })) }
