import { createHash, randomBytes } from 'node:crypto'
import {
  type AccountId,
  type Authorizer,
  type Clock,
  type Context,
  type FieldError,
  formatInstant,
  iamArn,
  type Listed,
  type ListPage,
  pageThrough,
  RampartError,
  Secret,
} from '../platform/index.ts'
import type { ActionSpecs } from './actions/spec.ts'
import { type LoadedPlaybook, loadPlaybook } from './engine/advance.ts'
import { playbookError } from './errors.ts'
import { revisionOf } from './language/canonical.ts'
import type { Playbook, Trigger } from './language/document.ts'
import { lint } from './language/lint.ts'
import type { Problem } from './language/problem.ts'
import { PLAYBOOKS_PER_WORKSPACE_MAX } from './limits.ts'
import { Lru } from './lru.ts'
import type { PlaybookRow, PlaybookStore } from './store.ts'
import type { RunAs } from './types.ts'

const LOADED_KEPT_MAX = 500

export interface LibraryDeps {
  readonly store: PlaybookStore
  readonly actions: ActionSpecs
  readonly authorizer: Authorizer
  readonly runAs: RunAs
  readonly clock: Clock
  /** Where callers reach the service: the beginning of every hook's URL. */
  readonly publicUrl: () => string
}

/** What a PUT answers. A token is told once. */
export interface PutAnswer {
  readonly id: string
  readonly revision: string
  readonly triggers: readonly { readonly id: string; readonly url?: string; readonly token?: string }[]
  readonly warnings: readonly {
    readonly path: string
    readonly line: number
    readonly column: number
    readonly message: string
  }[]
}

/** As a list shows it. */
export type PlaybookSummary = Pick<PlaybookAnswer, 'id' | 'name' | 'revision' | 'updatedAt' | 'updatedBy'>

export interface PlaybookAnswer {
  readonly id: string
  readonly name: string
  readonly description?: string
  readonly revision: string
  readonly source: string
  readonly triggers: readonly { readonly id: string; readonly kind: Trigger['kind']; readonly url?: string }[]
  readonly updatedAt: string
  readonly updatedBy: string
}

/** The playbooks of workspaces: linted, pinned by revision, live at once. */
export class Library {
  readonly #deps: LibraryDeps
  readonly #loaded = new Lru<LoadedPlaybook>(LOADED_KEPT_MAX)

  constructor(deps: LibraryDeps) {
    this.#deps = deps
  }

  /** @throws playbooks.playbook.invalid with every problem and its place, playbooks.role.notPassable,
   * playbooks.playbook.changed, playbooks.hook.taken */
  async put(
    ctx: Context,
    workspace: string,
    id: string,
    source: string,
    ifMatch: string | undefined,
  ): Promise<PutAnswer> {
    const { actions, store, clock } = this.#deps
    const { playbook, problems } = lint(source, actions)
    if (!playbook) throw invalid(problems)
    if (playbook.id !== id) {
      throw invalid([at('/id', `the document says \`${playbook.id}\` and the path \`${id}\`; they must be the same`)])
    }
    await this.#requirePassable(ctx, playbook)
    const revision = revisionOf(playbook)
    const account = ctx.principal.account
    const tokens = new Map(playbook.triggers.map((trigger) => [trigger.id, newToken()]))
    const outcome = await store.put({
      account,
      workspace,
      playbook,
      revision,
      source,
      author: ctx.principal.arn,
      now: clock.now(),
      ifMatch: parseTag(ifMatch),
      playbooksMax: PLAYBOOKS_PER_WORKSPACE_MAX,
      tokenHashes: new Map([...tokens].map(([trigger, token]) => [trigger, hashToken(token.revealText())])),
    })
    switch (outcome.kind) {
      case 'changed':
        throw playbookError(
          'playbooks.playbook.changed',
          'its revision is no longer the one of If-Match; read it again',
        )
      case 'tooMany':
        throw playbookError(
          'playbooks.playbook.tooMany',
          `a workspace holds ${PLAYBOOKS_PER_WORKSPACE_MAX} playbooks; delete one`,
        )
      case 'taken':
        throw playbookError(
          'playbooks.hook.taken',
          `the webhook path \`${outcome.path}\` belongs to another playbook of this workspace`,
        )
      case 'put':
        return {
          id,
          revision,
          triggers: playbook.triggers.map((trigger) => ({
            id: trigger.id,
            ...this.#urlOf(account, workspace, trigger),
            ...(outcome.newTokens.has(trigger.id) ? { token: tokens.get(trigger.id)?.revealText() ?? '' } : {}),
          })),
          warnings: problems.map(({ path, line, column, message }) => ({ path, line, column, message })),
        }
    }
  }

  /** @throws playbooks.playbook.notFound */
  async get(account: AccountId, workspace: string, id: string): Promise<PlaybookAnswer> {
    const row = await this.#requireRow(account, workspace, id)
    const stored = await this.#deps.store.findRevision(account, workspace, id, row.revision)
    if (!stored) throw notFound(workspace, id)
    const playbook = JSON.parse(stored.document) as Playbook
    return {
      id,
      name: row.name,
      ...(playbook.description === undefined ? {} : { description: playbook.description }),
      revision: row.revision,
      source: stored.source,
      triggers: playbook.triggers.map((trigger) => ({
        id: trigger.id,
        kind: trigger.kind,
        ...this.#urlOf(account, workspace, trigger),
      })),
      updatedAt: formatInstant(row.updated_at),
      updatedBy: row.updated_by,
    }
  }

  async list(account: AccountId, workspace: string, page: ListPage<PlaybookSummary>): Promise<Listed<PlaybookSummary>> {
    return pageThrough(page, {
      read: (some) => this.#deps.store.list(account, workspace, some),
      placeOf: ({ id }) => id,
      toItem: (row) => ({
        id: row.id,
        name: row.name,
        revision: row.revision,
        updatedAt: formatInstant(row.updated_at),
        updatedBy: row.updated_by,
      }),
    })
  }

  /** Takes a playbook out of use; runs under way end as they began. @throws playbooks.playbook.notFound */
  async delete(account: AccountId, workspace: string, id: string): Promise<void> {
    if (!(await this.#deps.store.remove(account, workspace, id, this.#deps.clock.now()))) throw notFound(workspace, id)
  }

  /** A new token for a webhook; the old one is refused from here on. @throws playbooks.trigger.notFound */
  async rotateToken(account: AccountId, workspace: string, id: string, trigger: string): Promise<{ token: string }> {
    const token = newToken()
    const set = await this.#deps.store.setToken(account, workspace, id, trigger, hashToken(token.revealText()))
    if (!set) throw playbookError('playbooks.trigger.notFound', `playbook \`${id}\` has no webhook \`${trigger}\``)
    return { token: token.revealText() }
  }

  /** The live revision. @throws playbooks.playbook.notFound */
  async live(account: AccountId, workspace: string, id: string): Promise<LoadedPlaybook> {
    const row = await this.#requireRow(account, workspace, id)
    return this.load(account, workspace, id, row.revision)
  }

  /** A revision that a run is pinned to, or that is live. @throws playbooks.playbook.notFound */
  async load(account: AccountId, workspace: string, id: string, revision: string): Promise<LoadedPlaybook> {
    const key = `${account} ${workspace} ${id} ${revision}`
    const known = this.#loaded.get(key)
    if (known) return known
    const stored = await this.#deps.store.findRevision(account, workspace, id, revision)
    if (!stored) throw notFound(workspace, id)
    const loaded = loadPlaybook(JSON.parse(stored.document) as Playbook, revision, this.#deps.actions)
    this.#loaded.set(key, loaded)
    return loaded
  }

  async #requireRow(account: AccountId, workspace: string, id: string): Promise<PlaybookRow> {
    const row = await this.#deps.store.find(account, workspace, id)
    if (!row) throw notFound(workspace, id)
    return row
  }

  /** The author may let something run as the role, and there is one. In this order: who may not pass roles does not
   * learn which exist. */
  async #requirePassable(ctx: Context, playbook: Playbook): Promise<void> {
    const { authorizer, runAs } = this.#deps
    const resource = iamArn(ctx.principal.account, 'role', playbook.runAs)
    const decision = await authorizer.authorize({ principal: ctx.principal, action: 'iam:role:pass', resource })
    if (!decision.allowed) {
      throw playbookError(
        'playbooks.role.notPassable',
        `you may not let a playbook run as \`${playbook.runAs}\`: that needs iam:role:pass on ${resource}`,
        {
          extra: { decisionId: decision.id },
        },
      )
    }
    try {
      await runAs(ctx.principal.account, playbook.runAs, [])
    } catch (error) {
      if (!(error instanceof RampartError) || error.status !== 404) throw error
      throw invalid([at('/run_as', `the account has no role \`${playbook.runAs}\``, 'P018')])
    }
  }

  #urlOf(account: AccountId, workspace: string, trigger: Trigger): { readonly url?: string } {
    if (trigger.kind !== 'webhook') return {}
    return { url: `${this.#deps.publicUrl()}/v1/hooks/${account}/${workspace}/${trigger.path}` }
  }
}

function at(path: string, message: string, code: Problem['code'] = 'P013'): Problem {
  return { code, severity: 'error', path, line: 1, column: 1, message }
}

function invalid(problems: readonly Problem[]): RampartError {
  const errors = problems.filter((problem) => problem.severity === 'error')
  const [first] = errors
  const rest = errors.length > 1 ? `, and ${errors.length - 1} more` : ''
  const text = first ? `line ${first.line}, column ${first.column}: ${first.message}${rest}` : 'the playbook is wrong'
  return playbookError('playbooks.playbook.invalid', text, {
    errors: errors.map(({ path, message, line, column, code }): FieldError => {
      const error = { path, message, line, column, code }
      return error
    }),
  })
}

function notFound(workspace: string, id: string): RampartError {
  return playbookError('playbooks.playbook.notFound', `no playbook \`${id}\` in workspace \`${workspace}\``)
}

/** The revision of `If-Match: "<revision>"`. */
function parseTag(ifMatch: string | undefined): string | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined
  return ifMatch.trim().replace(/^"|"$/g, '')
}

/** 256 random bits; the prefix lets scanners of leaked secrets know it. */
function newToken(): Secret {
  return new Secret(`rwh_${randomBytes(32).toString('base64url')}`)
}

/** What of a token is stored. It is random and long: one round of SHA-256 is as good as many. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
