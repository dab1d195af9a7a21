import { type AccountId, type Authorizer, type Clock, type Principal, parseArn, uuidv7 } from '../../platform/index.ts'
import type { HolderName } from '../attachments.ts'
import { requireHolder, requirePolicy } from '../attachments.ts'
import type { Changes } from '../changes.ts'
import type { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import { GRANTS_PER_HOLDER_MAX, PROJECT_RESOURCES_MAX, PROJECTS_MAX } from '../limits.ts'
import { requireName } from '../names.ts'
import type { Project } from '../types.ts'
import type { AccessDiffDeps } from './access-diff.ts'
import { type AccessDiff, accessDiff } from './access-diff.ts'
import { DEFAULT_PROJECT, formatScope, type Scope } from './scope.ts'

export interface ProjectsDeps extends AccessDiffDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly asks: Authorizer
  readonly clock: Clock
}

export interface MovedResource extends AccessDiff {
  readonly resource: string
  readonly from: string
  readonly to: string
}

export interface ProjectGrant {
  readonly holder: HolderName
  readonly policy: string
  readonly scope: Scope
}

export const MIGRATE = 'eps:resource:migrate'

const projectArn = (account: AccountId, id: string) => `arn:rampart:eps::${account}:project/${id}`

/** Enterprise projects: groups of resources with grants of their own. */
export class Projects {
  readonly #deps: ProjectsDeps

  constructor(deps: ProjectsDeps) {
    this.#deps = deps
  }

  /** Sorted by id, the default one first. */
  list(account: AccountId): Project[] {
    const own = [...(this.#deps.directory.stateOf(account)?.projects.values() ?? [])]
    return [defaultProject, ...own.sort((a, b) => (a.id < b.id ? -1 : 1))]
  }

  /** @throws iam.thing.absent */
  get(account: AccountId, id: string): Project {
    if (id === DEFAULT_PROJECT) return defaultProject
    const project = this.#deps.directory.stateOf(account)?.projects.get(id)
    if (!project) throw absentProject(id)
    return project
  }

  /** @throws iam.thing.exists, iam.name.malformed, iam.limit.reached */
  async create(account: AccountId, input: { readonly name: string; readonly description?: string }): Promise<Project> {
    requireName('enterprise project', input.name)
    const id = uuidv7(this.#deps.clock)
    await this.#deps.changes.run(account, async (write) => {
      const projects = await write.projects.names()
      if (projects.some(({ name }) => name === input.name)) {
        throw iamError('iam.thing.exists', `there is a project \`${input.name}\` already`)
      }
      requireRoom(projects.length, PROJECTS_MAX, 'enterprise projects')
      await write.projects.insert({
        id,
        name: input.name,
        description: input.description ?? '',
        enabled: 1,
        created_at: this.#deps.clock.now(),
      })
    })
    return this.get(account, id)
  }

  /** A disabled project's resources can be read and not changed. @throws iam.thing.absent */
  async update(
    account: AccountId,
    id: string,
    set: { readonly description?: string; readonly enabled?: boolean },
  ): Promise<Project> {
    const found = await this.#deps.changes.run(account, (write) =>
      write.projects.update(id, {
        description: set.description ?? this.get(account, id).description,
        ...(set.enabled === undefined ? {} : { enabled: set.enabled ? 1 : 0 }),
      }),
    )
    if (!found) throw absentProject(id)
    return this.get(account, id)
  }

  /** @throws iam.thing.absent, iam.thing.inUse while resources or grants are in it */
  async delete(account: AccountId, id: string): Promise<void> {
    await this.#deps.changes.run(account, async (write) => {
      const { project, resources } = await write.projects.read(id)
      if (!project) throw absentProject(id)
      const grants = await write.projects.grantsIn(formatScope({ kind: 'project', id }))
      if (resources.length > 0 || grants.length > 0) {
        throw iamError(
          'iam.thing.inUse',
          `${resources.length} resources and ${grants.length} grants are in the project`,
        )
      }
      await write.projects.delete(id)
    })
  }

  /** ARNs, sorted; of the default project none, since it has what no other has. @throws iam.thing.absent */
  resources(account: AccountId, id: string): string[] {
    this.get(account, id)
    const { projectOf } = this.#deps.directory.stateOf(account) ?? { projectOf: new Map<string, string>() }
    return [...projectOf].flatMap(([resource, project]) => (project === id ? [resource] : [])).sort()
  }

  /** Moves resources of the account to a project in one change, or none of them. The principal needs
   * `eps:resource:migrate` on the projects they leave and on the one they go to.
   * @returns for each who gains and who loses access by it; with `dryRun` nothing moves
   * @throws iam.thing.absent, iam.pdp.notAllowed, iam.limit.reached, platform.arn.malformed */
  async move(
    principal: Principal,
    input: { readonly to: string; readonly resources: readonly string[]; readonly dryRun?: boolean },
  ): Promise<MovedResource[]> {
    const { account } = principal
    const resources = [...new Set(input.resources)]
    for (const resource of resources) {
      if (parseArn(resource).account !== account) {
        throw iamError('iam.thing.absent', `\`${resource.slice(0, 200)}\` is no resource of this account`)
      }
    }
    this.get(account, input.to)
    await this.#requireMigrate(principal, input.to)
    const seen = new Map(resources.map((resource) => [resource, this.#deps.directory.projectOf(account, resource)]))
    for (const from of new Set(seen.values())) await this.#requireMigrate(principal, from)
    const moved = resources.map((resource): MovedResource => {
      const way = { from: seen.get(resource) ?? DEFAULT_PROJECT, to: input.to }
      return { resource, ...way, ...accessDiff(this.#deps, account, { resource, ...way }) }
    })
    if (input.dryRun) return moved
    await this.#deps.changes.run(account, async (write) => {
      if (input.to !== DEFAULT_PROJECT) {
        const { project, resources: there } = await write.projects.read(input.to)
        if (!project) throw absentProject(input.to)
        requireRoom(there.length + resources.length - 1, PROJECT_RESOURCES_MAX, 'resources in a project')
      }
      for (const { resource, from, to } of moved) {
        const now = await write.projects.projectOf(resource)
        // The right to take it out was asked of the project it was in.
        if ((now ?? DEFAULT_PROJECT) !== from) {
          throw iamError('iam.thing.inUse', `\`${resource.slice(0, 200)}\` was just moved by somebody else; look again`)
        }
        await write.projects.move(resource, { from: now, to: to === DEFAULT_PROJECT ? undefined : to })
      }
    })
    return moved
  }

  /** Grants good in a project, sorted. @throws iam.thing.absent */
  grants(account: AccountId, id: string): ProjectGrant[] {
    this.get(account, id)
    const scope: Scope = { kind: 'project', id }
    const state = this.#deps.directory.stateOf(account)
    if (!state) return []
    const kinds = [
      ['user', state.users],
      ['group', state.groups],
      ['role', state.roles],
    ] as const
    return kinds.flatMap(([kind, holders]) =>
      [...holders.values()].flatMap(({ name, grants }) =>
        grants
          .filter((grant) => grant.scope === formatScope(scope))
          .map(({ policy }) => ({ holder: { kind, name }, policy, scope })),
      ),
    )
  }

  /** A policy held for a project or one resource only. May repeat. @throws iam.thing.absent, iam.limit.reached */
  async grant(account: AccountId, { holder, policy, scope }: ProjectGrant): Promise<void> {
    if (scope.kind === 'project') this.get(account, scope.id)
    else parseArn(scope.id)
    await this.#deps.changes.run(account, async (write) => {
      await requireHolder(write, holder)
      await requirePolicy(write, account, policy)
      if (scope.kind === 'project' && scope.id !== DEFAULT_PROJECT && !(await write.projects.read(scope.id)).project) {
        throw absentProject(scope.id)
      }
      const held = await write.projects.grantsOf(holder.kind, holder.name)
      requireRoom(held.length, GRANTS_PER_HOLDER_MAX, 'scoped grants of one holder')
      await write.projects.grant({
        holder_kind: holder.kind,
        holder: holder.name,
        policy_arn: policy,
        scope: formatScope(scope),
      })
    })
  }

  /** @throws iam.thing.absent */
  async revoke(account: AccountId, { holder, policy, scope }: ProjectGrant): Promise<void> {
    const found = await this.#deps.changes.run(account, (write) =>
      write.projects.revoke({
        holder_kind: holder.kind,
        holder: holder.name,
        policy_arn: policy,
        scope: formatScope(scope),
      }),
    )
    if (!found) throw iamError('iam.thing.absent', `the ${holder.kind} \`${holder.name}\` has no such grant`)
  }

  async #requireMigrate(principal: Principal, project: string): Promise<void> {
    const resource = projectArn(principal.account, project)
    const { allowed, id } = await this.#deps.asks.authorize({ principal, action: MIGRATE, resource })
    if (allowed) return
    throw iamError('iam.pdp.notAllowed', `moving resources takes ${MIGRATE} on both projects; missing on ${resource}`, {
      extra: { decisionId: id },
    })
  }
}

const defaultProject: Project = {
  id: DEFAULT_PROJECT,
  name: 'default',
  description: 'What is in no other project',
  enabled: true,
  createdAt: 0,
}

function absentProject(id: string) {
  return iamError('iam.thing.absent', `there is no enterprise project \`${id.slice(0, 80)}\``)
}

function requireRoom(count: number, countMax: number, what: string): void {
  if (count >= countMax) throw iamError('iam.limit.reached', `at most ${countMax} ${what} are allowed`)
}
