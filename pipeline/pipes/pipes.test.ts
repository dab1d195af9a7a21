import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AccountId, type Database, migrate, parseAccountId } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import type { PipeAddress } from '../types.ts'
import { pipeMigrations } from './migrations.ts'
import { createPipes, type Pipes } from './pipes.ts'

const account = parseAccountId('000000000001')
const other = parseAccountId('000000000002')
const web = (of: AccountId = account): PipeAddress => ({
  account: of,
  workspace: 'default',
  dataspace: 'default',
  pipe: 'web',
})
const code = (wanted: string) => expect.objectContaining({ code: wanted })

describe.each(testDatabases())('the registry of pipes on $name', (kind) => {
  let database: Database
  let drop: () => Promise<void>
  let pipes: Pipes
  let declared: { pipe: string; fields: object }[]
  let dropped: string[]
  let now = 1_000

  beforeEach(async () => {
    const opened = await kind.open()
    database = opened.database
    drop = opened.drop
    declared = []
    dropped = []
    const clock = { now: () => now }
    await migrate(database, pipeMigrations, clock)
    pipes = createPipes({
      database,
      clock,
      declare: async (address, fields) => void declared.push({ pipe: address.pipe, fields }),
      dropEvents: async (address) => void dropped.push(address.pipe),
    })
    await pipes.ensureAccount(account)
  })
  afterEach(() => drop())

  it('gives an account the pipes logs and audit, however often it is asked', async () => {
    await pipes.ensureAccount(account)
    const { items } = await pipes.listPipes(account, 'default', 'default', { limit: 10 })
    expect(items.map((pipe) => [pipe.pipe, pipe.revision])).toEqual([
      ['audit', 1],
      ['logs', 1],
    ])
  })

  it('makes a pipe that may be used at once, and declares it', async () => {
    await expect(pipes.requirePipe(web())).rejects.toThrowError(code('pipeline.pipe.notFound'))
    await pipes.putPipe(web(), { fields: { status: 'integer' }, retentionDays: 7 })
    expect(await pipes.requirePipe(web())).toMatchObject({ fields: { status: 'integer' }, retentionDays: 7 })
    expect(declared.at(-1)).toEqual({ pipe: 'web', fields: { status: 'integer' } })
  })

  it('shows a change at once where it was made', async () => {
    await pipes.putPipe(web(), { fields: {}, retentionDays: 7 })
    await pipes.requirePipe(web())
    await pipes.putPipe(web(), { fields: {}, retentionDays: 30 })
    expect((await pipes.requirePipe(web())).retentionDays).toBe(30)
  })

  it('sees what another process changed after a while', async () => {
    await pipes.requirePipe({ ...web(), pipe: 'logs' })
    const elsewhere = createPipes({
      database,
      clock: { now: () => now },
      declare: async () => {},
      dropEvents: async () => {},
    })
    await elsewhere.putPipe({ ...web(), pipe: 'logs' }, { fields: {}, retentionDays: 3 })
    now += 10_000
    expect((await pipes.requirePipe({ ...web(), pipe: 'logs' })).retentionDays).toBe(3)
  })

  it('adds declared fields and never changes the type of one', async () => {
    await pipes.putPipe(web(), { fields: { status: 'integer' } })
    expect((await pipes.putPipe(web(), { fields: { took: 'double' } })).fields).toEqual({
      status: 'integer',
      took: 'double',
    })
    await expect(pipes.putPipe(web(), { fields: { status: 'string' } })).rejects.toThrowError(
      code('pipeline.pipe.typeChanged'),
    )
  })

  it('loses no declared field when two declare at once', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `f${index}`)
    const elsewhere = createPipes({
      database,
      clock: { now: () => now },
      declare: async () => {},
      dropEvents: async () => {},
    })
    await Promise.all(
      names.map((name, index) => (index % 2 ? pipes : elsewhere).putPipe(web(), { fields: { [name]: 'long' } })),
    )
    const pipe = await pipes.requirePipe(web())
    expect(Object.keys(pipe.fields).sort()).toEqual(names.sort())
    expect(pipe.revision).toBe(20)
  })

  it('lets one of two writers of the same revision win', async () => {
    await pipes.putPipe(web(), { fields: {} })
    const outcomes = await Promise.allSettled(
      [1, 2].map((retentionDays) => pipes.putPipe(web(), { fields: {}, retentionDays }, '"1"')),
    )
    expect(outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason.code)).toEqual([
      'platform.http.changed',
    ])
  })

  it('leaves nothing behind of a pipe that was refused', async () => {
    await expect(pipes.putPipe(web(), { fields: {} }, '"7"')).rejects.toThrowError(code('platform.http.changed'))
    await expect(pipes.requirePipe(web())).rejects.toThrowError(code('pipeline.pipe.notFound'))
  })

  it('removes a pipe with its events', async () => {
    await pipes.putPipe(web(), { fields: { status: 'integer' } })
    await pipes.requirePipe(web())
    await expect(pipes.deletePipe(web(), '"2"')).rejects.toThrowError(code('platform.http.changed'))
    await pipes.deletePipe(web(), '"1"')
    expect(dropped).toEqual(['web'])
    await expect(pipes.requirePipe(web())).rejects.toThrowError(code('pipeline.pipe.notFound'))
    await expect(pipes.deletePipe(web())).rejects.toThrowError(code('pipeline.pipe.notFound'))
    expect((await pipes.putPipe(web(), { fields: { status: 'string' } })).fields).toEqual({ status: 'string' })
  })

  it.each(['audit', 'logs'])('never removes %s', async (pipe) => {
    await expect(pipes.deletePipe({ ...web(), pipe })).rejects.toThrowError(code('pipeline.pipe.reserved'))
    await pipes.requirePipe({ ...web(), pipe })
  })

  it('lists every pipe of an account, wherever it is', async () => {
    await pipes.putWorkspace(account, 'blue')
    await pipes.putDataspace(account, 'blue', 'eu')
    await pipes.putPipe({ ...web(), workspace: 'blue', dataspace: 'eu' }, { fields: {}, retentionDays: 7 })
    await pipes.ensureAccount(other)
    const all = await pipes.listAllPipes(account)
    expect(all.map((pipe) => [pipe.pipe, pipe.retentionDays]).sort()).toEqual([
      ['audit', undefined],
      ['logs', undefined],
      ['web', 7],
    ])
  })

  it('has one pipe called audit', async () => {
    await pipes.putWorkspace(account, 'blue')
    await pipes.putDataspace(account, 'blue', 'default')
    await expect(pipes.putPipe({ ...web(), workspace: 'blue', pipe: 'audit' }, { fields: {} })).rejects.toThrowError(
      code('pipeline.pipe.reserved'),
    )
  })

  it('keeps the fields of the audit pipe', async () => {
    await expect(pipes.putPipe({ ...web(), pipe: 'audit' }, { fields: { x: 'long' } })).rejects.toThrowError(
      code('pipeline.pipe.reserved'),
    )
    await pipes.putPipe({ ...web(), pipe: 'audit' }, { fields: {}, retentionDays: 365 })
  })

  it('shows one account nothing of another', async () => {
    await pipes.putPipe(web(), { fields: {} })
    await expect(pipes.requirePipe(web(other))).rejects.toThrowError(code('pipeline.pipe.notFound'))
    await expect(pipes.putPipe(web(other), { fields: {} })).rejects.toThrowError(code('pipeline.dataspace.notFound'))
    expect((await pipes.listWorkspaces(other, { limit: 10 })).items).toEqual([])
  })

  it('refuses a pipe in a workspace or dataspace that is not there', async () => {
    await expect(pipes.putDataspace(account, 'blue', 'x')).rejects.toThrowError(code('pipeline.workspace.notFound'))
    await pipes.putWorkspace(account, 'blue')
    await expect(pipes.putPipe({ ...web(), workspace: 'blue' }, { fields: {} })).rejects.toThrowError(
      code('pipeline.dataspace.notFound'),
    )
    await pipes.putDataspace(account, 'blue', 'default')
    await pipes.putPipe({ ...web(), workspace: 'blue' }, { fields: {} })
  })

  it('pages a list without a gap or a repeat', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await pipes.putPipe({ ...web(), pipe: name }, { fields: {} })
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await pipes.listPipes(account, 'default', 'default', { limit: 2, ...(cursor ? { cursor } : {}) })
      seen.push(...page.items.map((pipe) => pipe.pipe))
      cursor = page.nextCursor
    } while (cursor)
    expect(seen).toEqual(['a', 'audit', 'b', 'c', 'd', 'e', 'logs'])
  })
})
