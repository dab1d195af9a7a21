import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Clock,
  type Database,
  iamArn,
  migrate,
  openSealer,
  type Principal,
  parseAccountId,
  systemClock,
} from '../../platform/index.ts'
import type { TestDatabase } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { iamMigrations } from '../migrations.ts'

export const account = parseAccountId('000000000001')

/** A policy document of some statements; Version and Effect are filled in. */
export function policy(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '5.0', Statement: statements.map((one) => ({ Effect: 'Allow', ...one })) })
}

export const arnOf = (kind: 'user' | 'role' | 'policy', name: string) => iamArn(account, kind, name)

/** An account with its administrator, on a database of its own. */
export interface World {
  readonly iam: Iam
  readonly database: Database
  principal(name: string): Principal
  /** The user, made if need be, holds the policy inline. */
  give(user: string, name: string, document: string): Promise<void>
  close(): Promise<void>
}

export async function openWorld(kind: TestDatabase, clock: Clock = systemClock): Promise<World> {
  const { database, drop } = await kind.open()
  const dir = mkdtempSync(join(tmpdir(), 'rampart-analysis-'))
  await migrate(database, iamMigrations, systemClock)
  const iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock })
  await iam.bootstrap(() => {})
  const users = new Set(['admin'])
  return {
    iam,
    database,
    principal(name) {
      const found = iam.findPrincipal(account, arnOf('user', name)) ?? iam.findPrincipal(account, arnOf('role', name))
      if (!found) throw new Error(`nobody is called ${name}`)
      return found
    },
    async give(user, name, document) {
      if (!users.has(user)) await iam.users.create(account, { name: user })
      users.add(user)
      await iam.attachments.putInline(account, { kind: 'user', name: user }, name, document)
    },
    async close() {
      await iam.close()
      await drop()
      rmSync(dir, { recursive: true })
    },
  }
}
