import type { BreakGlass, TimedAccess } from '../types.ts'
import type { AccessRow, UserAccessRows } from './store.ts'

/** What a user has for a time. */
export interface UserAccess {
  readonly account: string
  readonly name: string
  readonly id: string
  readonly access: readonly TimedAccess[]
  readonly breakGlass: BreakGlass | undefined
}

/** The users that have something for a time or are break-glass users. */
export function accessByUser(rows: UserAccessRows): UserAccess[] {
  const keyOf = (row: { readonly account: string; readonly user_id: string }) => `${row.account}/${row.user_id}`
  const custodians = Map.groupBy(rows.custodians, keyOf)
  const openings = Map.groupBy(
    rows.active.filter(({ kind }) => kind === 'breakGlass'),
    ({ account, target_id }) => keyOf({ account, user_id: target_id }),
  )
  const users = new Map<string, { account: string; name: string; id: string; access: TimedAccess[] }>()
  const userOf = (account: string, id: string, name: string) => {
    const key = keyOf({ account, user_id: id })
    const user = users.get(key) ?? { account, name, id, access: [] }
    users.set(key, user)
    return user
  }
  for (const row of rows.active) {
    if (row.kind !== 'breakGlass') userOf(row.account, row.requester_id, row.requester).access.push(accessOf(row))
  }
  const breakGlass = new Map<string, BreakGlass>()
  for (const row of rows.breakGlass) {
    userOf(row.account, row.user_id, row.user_name)
    const ends = openings.get(keyOf(row))?.map(({ expires_at }) => expires_at ?? 0) ?? []
    breakGlass.set(keyOf(row), {
      custodians: new Set(custodians.get(keyOf(row))?.map(({ custodian_id }) => custodian_id)),
      openUntil: ends.length === 0 ? undefined : Math.max(...ends),
    })
  }
  return [...users].map(([key, user]) => ({ ...user, breakGlass: breakGlass.get(key) }))
}

function accessOf({ id, kind, target, target_id, expires_at }: AccessRow): TimedAccess {
  return {
    request: id,
    kind: kind === 'group' ? 'group' : 'policy',
    target,
    targetId: target_id,
    expiresAt: expires_at ?? 0,
  }
}
