import type { AccountId, Principal } from '../../platform/index.ts'
import type { IamAuthorizer } from '../authorizer.ts'
import { StatementList } from '../decision/statement-list.ts'
import type { Directory } from '../directory.ts'
import { type Action, passingAction } from '../policy/action-set.ts'
import type { PolicyViews } from '../policy-views.ts'
import type { ResourceLayer } from '../resource-policies.ts'
import type { Role, User } from '../types.ts'
import type { EscalationStep, Finding } from './findings.ts'
import { ESCALATION_DECISIONS_MAX } from './limits.ts'
import { judge } from './who-can.ts'

export interface EscalationDeps {
  readonly directory: Directory
  readonly views: PolicyViews
  readonly authorizer: IamAuthorizer
}

/** Where paths end: whoever is there can give himself everything. */
const EVERYTHING = 'everything'

type Subject = User | Role

/** Ways to become somebody else, by what is needed on him. */
const BECOMING: readonly {
  readonly kind: 'user' | 'role'
  readonly action: string
  readonly how?: 'trusted' | 'run'
}[] = [
  { kind: 'user', action: 'iam:access-key:create' },
  { kind: 'user', action: 'iam:user:update' },
  { kind: 'role', action: 'iam:role:updateTrust' },
  { kind: 'role', action: 'sts:role:assume', how: 'trusted' },
  { kind: 'role', action: 'iam:role:pass', how: 'run' },
]

/** Who is an administrator may do these on whomever he likes. */
const ADMINISTERS: readonly (readonly ['user' | 'role' | 'policy', string])[] = [
  ['user', 'iam:user:attachPolicy'],
  ['user', 'iam:access-key:create'],
  ['role', 'iam:role:updateTrust'],
  ['policy', 'iam:policy:createVersion'],
]

/** The shortest way for each user and role that is no administrator and can make himself as good as one: by giving
 * himself rights, or by becoming others until one can. Conditions are told, not weighed. */
export function escalationPaths(
  deps: EscalationDeps,
  account: AccountId,
): { readonly findings: Finding[]; readonly complete: boolean } {
  const graph = new Graph(deps, account)
  const findings = graph.candidates().flatMap((subject) => {
    const path = graph.shortestPath(subject)
    if (!path) return []
    const last = path.at(-1)
    return [
      {
        code: 'escalation-path' as const,
        severity: 'critical' as const,
        subject: subject.arn,
        message: `can get every right in ${path.length} step${path.length === 1 ? '' : 's'}: ${path.map(stepText).join(', then ')}`,
        advice: `take away ${path[0]?.action} on ${path[0]?.resource}, or narrow it${last?.if ? '' : ' and demand MFA'}`,
        path,
      },
    ]
  })
  return { findings, complete: graph.complete }
}

function stepText({ action, resource, to, if: words }: EscalationStep): string {
  const become = to === EVERYTHING ? '' : `, and acts as ${to}`
  return `${action} on ${resource}${words ? ` if ${words}` : ''}${become}`
}

class Graph {
  readonly #deps: EscalationDeps
  readonly #account: AccountId
  readonly #actions = new Map<string, Action>()
  readonly #edges = new Map<string, readonly EscalationStep[]>()
  readonly #subjects = new Map<string, Subject>()
  readonly #administrators = new Set<string>()
  #decisions = 0

  constructor(deps: EscalationDeps, account: AccountId) {
    this.#deps = deps
    this.#account = account
    const state = deps.directory.stateOf(account)
    for (const subject of [...(state?.roles.values() ?? []), ...this.#usersWithRights()]) {
      if (!this.#mayEscalate(subject)) continue
      this.#subjects.set(subject.arn, subject)
      if (this.#isAdministrator(subject)) this.#administrators.add(subject.arn)
    }
  }

  get complete(): boolean {
    return this.#decisions < ESCALATION_DECISIONS_MAX
  }

  /** Those who can do something about it, and are no administrators already. */
  candidates(): Subject[] {
    return [...this.#subjects.values()].filter(({ arn }) => !this.#administrators.has(arn))
  }

  shortestPath(from: Subject): EscalationStep[] | undefined {
    const cameBy = new Map<string, EscalationStep>()
    const queue = [from.arn as string]
    for (const at of queue) {
      for (const step of this.#stepsOf(at)) {
        if (step.to === from.arn || cameBy.has(step.to)) continue
        cameBy.set(step.to, step)
        if (step.to !== EVERYTHING && !this.#administrators.has(step.to)) {
          queue.push(step.to)
          continue
        }
        const path = [step]
        for (let back = step; back.from !== from.arn; ) {
          const before = cameBy.get(back.from)
          if (!before) break
          path.unshift(before)
          back = before
        }
        return path
      }
    }
    return undefined
  }

  #stepsOf(arn: string): readonly EscalationStep[] {
    const known = this.#edges.get(arn)
    if (known) return known
    const subject = this.#subjects.get(arn)
    const steps = subject ? [...this.#ownSteps(subject), ...this.#stepsToOthers(subject)] : []
    this.#edges.set(arn, steps)
    return steps
  }

  /** Ways to give himself what he likes. */
  *#ownSteps(subject: Subject): Generator<EscalationStep> {
    const kind = kindOf(subject)
    const step = (action: string, resource: string) => this.#step(subject, action, resource, EVERYTHING)
    for (const verb of ['attachPolicy', 'putInlinePolicy']) {
      yield* step(`iam:${kind}:${verb}`, subject.arn)
      for (const group of groupsOf(subject)) yield* step(`iam:group:${verb}`, this.#arn('group', group))
    }
    const state = this.#deps.directory.stateOf(this.#account)
    const held = [subject, ...groupsOf(subject).flatMap((name) => state?.groups.get(name) ?? [])]
    for (const policy of new Set(held.flatMap(({ attached }) => attached))) {
      if (policy.startsWith('arn:rampart:iam::rampart:')) continue
      yield* step('iam:policy:createVersion', policy)
    }
  }

  *#stepsToOthers(subject: Subject): Generator<EscalationStep> {
    const targets = [...this.#subjects.values()].filter(({ arn }) => arn !== subject.arn)
    for (const target of targets) {
      for (const { kind, action, how } of BECOMING) {
        if (kindOf(target) !== kind) continue
        if (
          how === 'run' &&
          !this.#ability(subject, 'soar:playbook:put', `arn:rampart:soar:local:${this.#account}:playbook/default/x`)
        )
          continue
        yield* this.#step(subject, action, target.arn, target.arn, how === 'trusted' ? trustOf(target) : undefined)
      }
    }
    const state = this.#deps.directory.stateOf(this.#account)
    if (kindOf(subject) !== 'user') return
    for (const group of state?.groups.values() ?? []) {
      if (groupsOf(subject).includes(group.name)) continue
      if (!this.#givesAdministration(group.attached)) continue
      yield* this.#step(subject, 'iam:group:addUser', group.arn, EVERYTHING)
    }
  }

  *#step(
    subject: Subject,
    action: string,
    resource: string,
    to: string,
    onResource?: ResourceLayer,
  ): Generator<EscalationStep> {
    const ability = this.#ability(subject, action, resource, onResource)
    if (!ability) return
    yield { from: subject.arn, action, resource, to, ...(ability.if === undefined ? {} : { if: ability.if }) }
  }

  #ability(subject: Subject, action: string, resource: string, onResource?: ResourceLayer) {
    if (this.#decisions >= ESCALATION_DECISIONS_MAX) return undefined
    this.#decisions++
    const passing = this.#actions.get(action) ?? passingAction(action)
    this.#actions.set(action, passing)
    const { account, arn, name } = subject
    const principal: Principal = { kind: kindOf(subject), account, arn, name, auth: 'internal' }
    const given = { passing, ...(onResource ? { onResource } : {}) }
    return judge(this.#deps.authorizer, principal, { action, resource, context: new Map() }, given)
  }

  /** Whether a group's own policies make an administrator. */
  #givesAdministration(policies: readonly string[]): boolean {
    const actions = ADMINISTERS.map(([, action]) => passingAction(action))
    return policies.some((arn) => {
      const statements = this.#deps.directory.findPolicy(this.#account, arn)?.compiled?.statements ?? []
      return actions.every((action) =>
        statements.some(
          ({ effect, actions: set, resources }) =>
            effect === 'Allow' && set.has(action) && !resources?.negated && (resources?.texts.includes('*') ?? true),
        ),
      )
    })
  }

  #isAdministrator(subject: Subject): boolean {
    return ADMINISTERS.every(([kind, action]) => this.#ability(subject, action, this.#arn(kind, '~'))?.can === 'now')
  }

  /** Whether some policy he holds allows one of the actions at all. */
  #mayEscalate(subject: Subject): boolean {
    const { account, arn, name } = subject
    if ('enabled' in subject && !subject.enabled) return false
    const view = this.#deps.views.find({ kind: kindOf(subject), account, arn, name, auth: 'internal' })
    return view?.policies.some((policy) => allowsEscalation(policy.statements)) ?? false
  }

  /** Users that hold, by themselves or a group, a policy that allows one of the actions. */
  *#usersWithRights(): Generator<User> {
    const state = this.#deps.directory.stateOf(this.#account)
    if (!state) return
    const policies = [...this.#policyArns()]
    const groups = [...state.groups.values()]
      .filter(
        ({ attached, inline, grants }) =>
          attached.some((arn) => policies.includes(arn)) ||
          grants.some(({ policy }) => policies.includes(policy)) ||
          [...inline.values()].some(({ compiled }) => compiled && allowsEscalation(compiled.statements)),
      )
      .map(({ name }) => name)
    const names = state.users.holdersOf({
      groups,
      policies,
      holds: ({ inline, grants, access }) =>
        grants.some(({ policy }) => policies.includes(policy)) ||
        access.some(({ target }) => policies.includes(target) || groups.includes(target)) ||
        [...inline.values()].some(({ compiled }) => compiled && allowsEscalation(compiled.statements)),
    })
    for (const name of names) {
      const user = state.users.get(name)
      if (user) yield user
    }
  }

  *#policyArns(): Generator<string> {
    const state = this.#deps.directory.stateOf(this.#account)
    for (const { arn, compiled } of state?.policies.values() ?? []) {
      if (compiled && allowsEscalation(compiled.statements)) yield arn
    }
    yield this.#administrator
  }

  readonly #administrator = 'arn:rampart:iam::rampart:policy/Administrator'

  #arn(kind: string, name: string): string {
    return `arn:rampart:iam::${this.#account}:${kind}/${name}`
  }
}

const LOOKED_FOR = [
  ...BECOMING.map(({ action }) => action),
  ...ADMINISTERS.map(([, action]) => action),
  ...['user', 'role', 'group'].flatMap((kind) => [`iam:${kind}:attachPolicy`, `iam:${kind}:putInlinePolicy`]),
  'iam:group:addUser',
].map(passingAction)

function allowsEscalation(statements: StatementList['statements']): boolean {
  return statements.some(
    ({ effect, actions }) =>
      effect === 'Allow' &&
      (actions.services === undefined || actions.services.some((service) => service === 'iam' || service === 'sts')) &&
      LOOKED_FOR.some((action) => actions.has(action)),
  )
}

function kindOf(subject: Subject): 'user' | 'role' {
  return 'groups' in subject ? 'user' : 'role'
}

function groupsOf(subject: Subject): readonly string[] {
  return 'groups' in subject ? subject.groups : []
}

function trustOf(subject: Subject): ResourceLayer {
  const trust = 'compiledTrust' in subject ? subject.compiledTrust : undefined
  return { list: new StatementList(trust ? [trust] : []), required: true }
}
