import { randomInt } from 'node:crypto'
import { type AccountId, type Clock, parseAccountId, uuidv7 } from '../platform/index.ts'
import { type BuiltinRole, builtinRoles, platformPolicyArn } from './builtin.ts'
import type { IamWriter } from './store.ts'

/** An account number that says nothing about how many there are, or which came before. */
export function makeAccountId(): AccountId {
  return parseAccountId(String(randomInt(100_000_000_000, 1_000_000_000_000)))
}

/** Makes the account of a change, with the roles every account has. */
export async function openAccount(write: IamWriter, account: AccountId, given: { name: string; clock: Clock }) {
  await write.insertAccount({ name: given.name, created_at: given.clock.now() })
  for (const role of builtinRoles(account)) await insertBuiltinRole(write, role, given.clock)
}

/** A user who holds Administrator. */
export async function insertAdministrator(
  write: IamWriter,
  given: { readonly name: string; readonly passwordHash: string; readonly clock: Clock },
): Promise<void> {
  const now = given.clock.now()
  await write.insertUser({
    name: given.name,
    id: uuidv7(given.clock),
    password_hash: given.passwordHash,
    enabled: 1,
    tokens_valid_after: now,
    boundary: null,
    tags: '{}',
    created_at: now,
  })
  await write.attach('user', given.name, platformPolicyArn('Administrator'))
}

/** @returns when every listener has heard of the account */
export type AccountListener = (account: AccountId) => Promise<void>

async function insertBuiltinRole(write: IamWriter, role: BuiltinRole, clock: Clock): Promise<void> {
  await write.insertRole({
    name: role.name,
    id: uuidv7(clock),
    description: role.description,
    trust: JSON.stringify(role.trust),
    session_sec_max: 3_600,
    sessions_valid_after: 0,
    boundary: null,
    tags: '{}',
    builtin: 1,
    created_at: clock.now(),
  })
  await write.putInline('role', role.name, 'BuiltIn', JSON.stringify(role.policy))
}
