import {
  type AccountId,
  type Clock,
  type Database,
  type Listed,
  type ListPage,
  pageThrough,
  requireMatch,
} from '../../platform/index.ts'
import type { PipeAddress } from '../types.ts'
import { pipeError } from './errors.ts'
import { DATASPACES_MAX, PIPES_MAX, REMEMBERED_MAX, REMEMBERED_MS, WORKSPACES_MAX } from './limits.ts'
import { createPipeStore } from './store.ts'
import { AUDIT_PIPE, DEFAULT_NAME, LOGS_PIPE, type Pipe, type PipeSettings } from './types.ts'

export interface PipesDeps {
  readonly database: Database
  readonly clock: Clock
  /** Makes a pipe known where its events are kept; resolves when it may be searched. */
  readonly declare: (pipe: PipeAddress, fields: PipeSettings['fields']) => Promise<void>
  /** Drops the events of a pipe that is no more. */
  readonly dropEvents: (pipe: PipeAddress) => Promise<unknown>
}

export interface Named {
  readonly name: string
}

/** The registry of workspaces, dataspaces and pipes. */
export interface Pipes {
  /** Makes what every account has: workspace and dataspace `default` with the pipes `logs` and `audit`. May repeat; at
   * each start it also makes every pipe of the account known to the event store again. */
  ensureAccount(account: AccountId): Promise<void>
  /** @throws pipeline.pipe.tooMany */
  putWorkspace(account: AccountId, name: string): Promise<void>
  /** @throws pipeline.workspace.notFound */
  requireWorkspace(account: AccountId, name: string): Promise<void>
  listWorkspaces(account: AccountId, page: ListPage<Named>): Promise<Listed<Named>>
  /** The names of all of them. */
  listWorkspaceNames(account: AccountId): Promise<readonly string[]>
  /** @throws pipeline.workspace.notFound, pipeline.pipe.tooMany */
  putDataspace(account: AccountId, workspace: string, name: string): Promise<void>
  /** @throws pipeline.workspace.notFound */
  listDataspaces(account: AccountId, workspace: string, page: ListPage<Named>): Promise<Listed<Named>>
  /** Makes a pipe, or changes what it is set to; it takes records and may be searched at once.
   * @throws pipeline.dataspace.notFound, pipeline.pipe.tooMany
   * @throws pipeline.pipe.typeChanged for a field that was declared with another type
   * @throws pipeline.pipe.reserved for a pipe called `audit` of another dataspace, and for fields of that one
   * @throws platform.http.changed when it is at another revision */
  putPipe(address: PipeAddress, settings: PipeSettings, ifMatch?: string): Promise<Pipe>
  /** Removes a pipe and its events. One that is made again under its name begins empty.
   * @throws pipeline.pipe.notFound, platform.http.changed
   * @throws pipeline.pipe.reserved for those that every account has */
  deletePipe(address: PipeAddress, ifMatch?: string): Promise<void>
  /** @throws pipeline.pipe.notFound */
  requirePipe(address: PipeAddress): Promise<Pipe>
  /** @throws pipeline.dataspace.notFound */
  listPipes(account: AccountId, workspace: string, dataspace: string, page: ListPage<Pipe>): Promise<Listed<Pipe>>
  /** Every pipe of an account. */
  listAllPipes(account: AccountId): Promise<Pipe[]>
  /** The pipes of all accounts. */
  listEvery(): Promise<readonly PipeAddress[]>
}

export function createPipes(deps: PipesDeps): Pipes {
  const { clock } = deps
  const store = createPipeStore(deps.database)
  const remembered = new Map<string, { readonly pipe: Pipe; readonly at: number }>()
  /** Grows with each change made here: what was read across one may be old. */
  let changes = 0

  const requireWorkspace = async (account: AccountId, name: string) => {
    if (!(await store.hasWorkspace(account, name))) {
      throw pipeError('pipeline.workspace.notFound', `no workspace is called \`${name}\``)
    }
  }
  const requireDataspace = async (account: AccountId, workspace: string, name: string) => {
    if (!(await store.hasDataspace(account, workspace, name))) {
      throw pipeError('pipeline.dataspace.notFound', `workspace \`${workspace}\` has no dataspace \`${name}\``)
    }
  }

  /** @throws what `change` throws; then nothing has changed */
  const change = async (
    address: PipeAddress,
    settingsOf: (before: Pipe | undefined, others: number) => PipeSettings,
  ) => {
    const pipe = await store.changePipe(address, settingsOf, clock.now())
    forget(address)
    await deps.declare(address, pipe.fields)
    return pipe
  }
  const forget = (address: PipeAddress) => {
    remembered.delete(keyOf(address))
    changes += 1
  }

  return {
    async ensureAccount(account) {
      const now = clock.now()
      await store.putWorkspace(account, DEFAULT_NAME, now)
      await store.putDataspace(account, DEFAULT_NAME, DEFAULT_NAME, now)
      for (const name of [LOGS_PIPE, AUDIT_PIPE]) {
        const address = { account, workspace: DEFAULT_NAME, dataspace: DEFAULT_NAME, pipe: name }
        if (!(await store.findPipe(address))) await store.changePipe(address, (before) => before ?? { fields: {} }, now)
      }
      for (const pipe of await store.listAllPipes(account)) await deps.declare(addressOf(pipe), pipe.fields)
    },

    async putWorkspace(account, name) {
      const names = await store.listWorkspaces(account, { limit: WORKSPACES_MAX })
      if (!names.includes(name)) requireRoom(names.length, WORKSPACES_MAX, 'workspaces')
      await store.putWorkspace(account, name, clock.now())
    },

    requireWorkspace,

    async listWorkspaces(account, page) {
      return pageOf(
        page,
        (query) => store.listWorkspaces(account, query),
        String,
        (name) => ({ name }),
      )
    },

    listWorkspaceNames: (account) => store.listWorkspaces(account, { limit: WORKSPACES_MAX }),

    async putDataspace(account, workspace, name) {
      await requireWorkspace(account, workspace)
      const names = await store.listDataspaces(account, workspace, { limit: DATASPACES_MAX })
      if (!names.includes(name)) requireRoom(names.length, DATASPACES_MAX, 'dataspaces')
      await store.putDataspace(account, workspace, name, clock.now())
    },

    async listDataspaces(account, workspace, page) {
      await requireWorkspace(account, workspace)
      return pageOf(
        page,
        (query) => store.listDataspaces(account, workspace, query),
        String,
        (name) => ({ name }),
      )
    },

    async putPipe(address, settings, ifMatch) {
      await requireDataspace(address.account, address.workspace, address.dataspace)
      if (address.pipe === AUDIT_PIPE) requireAuditAsItIs(address, settings)
      return change(address, (before, others) => {
        requireMatch(ifMatch, before?.revision ?? 0)
        if (before) requireSameTypes(before, settings)
        else requireRoom(others, PIPES_MAX, 'pipes')
        return { ...settings, fields: { ...before?.fields, ...settings.fields } }
      })
    },

    async deletePipe(address, ifMatch) {
      if (isOfEveryAccount(address)) {
        throw pipeError('pipeline.pipe.reserved', `every account has the pipe \`${address.pipe}\`; it stays`)
      }
      const pipe = await store.findPipe(address)
      if (!pipe) throw pipeNotFound(address)
      requireMatch(ifMatch, pipe.revision)
      if (!(await store.deletePipe(address, ifMatch === undefined ? undefined : pipe.revision))) {
        throw pipeNotFound(address)
      }
      forget(address)
      await deps.dropEvents(address)
    },

    async requirePipe(address) {
      const key = keyOf(address)
      const known = remembered.get(key)
      if (known && Math.abs(clock.now() - known.at) < REMEMBERED_MS) return known.pipe
      const changesBefore = changes
      const pipe = await store.findPipe(address)
      if (!pipe) throw pipeNotFound(address)
      if (remembered.size >= REMEMBERED_MAX) remembered.clear()
      if (changes === changesBefore) remembered.set(key, { pipe, at: clock.now() })
      return pipe
    },

    async listPipes(account, workspace, dataspace, page) {
      await requireDataspace(account, workspace, dataspace)
      const list = (query: { after?: string; limit: number }) => store.listPipes(account, workspace, dataspace, query)
      return pageOf(
        page,
        list,
        (pipe) => pipe.pipe,
        (pipe) => pipe,
      )
    },

    listAllPipes: (account) => store.listAllPipes(account),

    listEvery: () => store.listEvery(),
  }
}

function isOfEveryAccount({ workspace, dataspace, pipe }: PipeAddress): boolean {
  return workspace === DEFAULT_NAME && dataspace === DEFAULT_NAME && (pipe === AUDIT_PIPE || pipe === LOGS_PIPE)
}

function requireAuditAsItIs(address: PipeAddress, settings: PipeSettings): void {
  if (!isOfEveryAccount(address)) {
    throw pipeError(
      'pipeline.pipe.reserved',
      `only the account's audit trail is called \`${AUDIT_PIPE}\`; take another name`,
    )
  }
  if (Object.keys(settings.fields).length > 0) {
    throw pipeError('pipeline.pipe.reserved', `the fields of the pipe \`${AUDIT_PIPE}\` are the platform's own`)
  }
}

function requireSameTypes(before: Pipe, settings: PipeSettings): void {
  for (const [name, type] of Object.entries(settings.fields)) {
    const declared = Object.hasOwn(before.fields, name) ? before.fields[name] : undefined
    if (declared === undefined || declared === type) continue
    throw pipeError(
      'pipeline.pipe.typeChanged',
      `field \`${name}\` of pipe \`${before.pipe}\` is declared as ${declared} and stays so; make another pipe for ${type}`,
    )
  }
}

function requireRoom(count: number, max: number, what: string): void {
  if (count >= max) throw pipeError('pipeline.pipe.tooMany', `there are ${count} ${what}; at most ${max} may be`)
}

/** A page of what `list` gives in order of names. */
function pageOf<Row, Item>(
  page: ListPage<Item>,
  list: (query: { after?: string; limit: number }) => Promise<readonly Row[]>,
  placeOf: (row: Row) => string,
  toItem: (row: Row) => Item,
): Promise<Listed<Item>> {
  const read = ({ after, limit }: { readonly after: string | undefined; readonly limit: number }) =>
    list({ limit, ...(after === undefined ? {} : { after }) })
  return pageThrough(page, { read, placeOf, toItem })
}

function pipeNotFound({ workspace, dataspace, pipe }: PipeAddress) {
  return pipeError(
    'pipeline.pipe.notFound',
    `dataspace \`${dataspace}\` of workspace \`${workspace}\` has no pipe \`${pipe}\`; PUT it first`,
  )
}

const addressOf = ({ account, workspace, dataspace, pipe }: Pipe): PipeAddress => ({
  account,
  workspace,
  dataspace,
  pipe,
})

const keyOf = ({ account, workspace, dataspace, pipe }: PipeAddress) => `${account}/${workspace}/${dataspace}/${pipe}`
