import { type AccountId, type Context, iamArn } from '../../../platform/index.ts'
import { iamError } from '../../errors.ts'
import { tagContext } from '../../tagging.ts'
import type { Holder } from '../../types.ts'
import type { QueryInput } from '../query.ts'

// What operations take from their parameters, and ask of them.

export const accountOf = (ctx: Context): AccountId => ctx.principal.account

/** The resource of operations on all of a kind, */
export const every = (kind: string) => (_: QueryInput, account: AccountId) => iamArn(account, kind, '*')
/** and on the one that a parameter names. */
export const named = (kind: string, parameter: string) => (input: QueryInput, account: AccountId) =>
  iamArn(account, kind, input.find(parameter) ?? '*')

export function requireNoPath(input: QueryInput): void {
  const path = input.find('Path') ?? '/'
  if (path !== '/') throw iamError('iam.aws.malformed', 'names here have no path; leave it out or send `/`')
}

/** One page of a sorted list, as IsTruncated and Marker tell it. */
export function page<T>(input: QueryInput, items: readonly T[], placeOf: (item: T) => string) {
  const max = input.findNumber('MaxItems', { min: 1, max: 1_000 }) ?? 100
  const marker = input.find('Marker')
  const rest = marker === undefined ? items : items.filter((item) => placeOf(item) > marker)
  const part = rest.slice(0, max)
  const last = part.at(-1)
  const more = rest.length > part.length && last !== undefined
  return { part, tail: more ? { IsTruncated: true, Marker: placeOf(last) } : { IsTruncated: false } }
}

export const tagsAsked = (input: QueryInput) => tagContext(input.tags('Tags'))

export const nameOf = ({ name }: { readonly name: string }) => name

/** AWS deletes nothing along with its holder, and its tools rely on being told. */
export function requireEmpty(holder: Holder, more: readonly (readonly [number, string])[]): void {
  const reasons = [
    [holder.attached.length, 'has attached policies'],
    [holder.inline.size, 'has inline policies'],
    ...more,
  ] as const
  for (const [count, reason] of reasons) {
    if (count > 0) throw iamError('iam.thing.inUse', `\`${holder.name}\` ${reason}; take them away first`)
  }
}
