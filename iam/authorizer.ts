import type { Authorizer, AuthzRequest, Clock, Decision, Principal, Snapshots } from '../platform/index.ts'
import { type BreakGlassAlarm, custodyList, isCustody } from './access/break-glass.ts'
import { isOpen } from './access/may-act.ts'
import { decide, determiningStatements, EMPTY_LAYERS, type Layers } from './decision/decide.ts'
import { makeDecisionId } from './decision/decision-id.ts'
import type { Evaluator } from './decision/evaluator.ts'
import { questionOf } from './decision/question.ts'
import { StatementList } from './decision/statement-list.ts'
import { DecisionKeys } from './decision-keys.ts'
import type { DecisionLog } from './decision-log/decision-log.ts'
import type { Uses } from './decision-log/uses.ts'
import type { Directory } from './directory.ts'
import { REQUEST_TEXT_MAX } from './limits.ts'
import type { Action } from './policy/action-set.ts'
import { accountField, splitResource } from './policy/arn-pattern.ts'
import { callerOf } from './policy/principal-match.ts'
import type { Question } from './policy/statement.ts'
import type { PolicyView, PolicyViews } from './policy-views.ts'
import { readsOnly } from './projects/scope.ts'
import type { ResourceLayer, ResourcePolicies } from './resource-policies.ts'
import type { Log } from './types.ts'

export interface AuthorizerDeps {
  readonly directory: Pick<
    Directory,
    'placeOf' | 'projectOf' | 'isProjectEnabled' | 'findUser' | 'findRole' | 'findAccount' | 'revision' | 'catchUp'
  >
  readonly views: PolicyViews
  readonly resourcePolicies: ResourcePolicies
  readonly evaluator: Evaluator
  readonly clock: Clock
  readonly decisions: Pick<DecisionLog, 'add'>
  /** Told of what is allowed. */
  readonly uses: Pick<Uses, 'add'>
  readonly alarm: BreakGlassAlarm
  readonly log: Log
}

/** What a decision is given beside the request. */
export interface Given {
  /** Whether the request's context may speak for the platform, as in a simulation. */
  readonly asserted?: boolean
  /** Whether somebody asks what another may do. */
  readonly asked?: boolean
  readonly onResource?: ResourceLayer
  /** In place of the request's, for one that nobody asks for and nothing should remember. */
  readonly passing?: Action
}

/** A session of a role goes by the role's name too. */
function namesOf(principal: Principal, view: PolicyView): string[] {
  const holder = view.holder?.arn
  return holder === undefined || holder === principal.arn ? [principal.arn] : [principal.arn, holder]
}

const nothing = new StatementList([])
/** One for all: a decision makes no list that stays empty. */
const NONE: readonly never[] = []

function concat<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  return a.length === 0 ? b : b.length === 0 ? a : [...a, ...b]
}

/** A decision that tells what determined it when it is asked; few ask. */
class Decided implements Decision {
  readonly allowed: boolean
  readonly id: string
  readonly reason: Decision['reason']
  readonly #case: Case

  constructor(id: string, reason: Decision['reason'], from: Case) {
    this.allowed = reason === 'allow'
    this.id = id
    this.reason = reason
    this.#case = from
  }

  get determining(): readonly string[] {
    return determiningStatements(this.#case.layers, this.#case.question)
  }
}

/** Everything one decision looks at. */
export interface Case {
  readonly layers: Layers
  readonly question: Question
  readonly view: PolicyView
}

/** Decides by the policies in memory. Synchronous at heart, so no change can come in the middle. */
export class IamAuthorizer implements Authorizer {
  readonly #deps: AuthorizerDeps

  readonly snapshots: Snapshots

  constructor(deps: AuthorizerDeps) {
    this.#deps = deps
    const { directory } = deps
    this.snapshots = {
      current: () => directory.revision,
      reach: async () => {
        await directory.catchUp()
        return directory.revision
      },
    }
  }

  async authorize(request: AuthzRequest): Promise<Decision> {
    let onResource: ResourceLayer
    try {
      onResource = await this.#deps.resourcePolicies.find(request.resource)
    } catch (error) {
      const id = makeDecisionId()
      this.#deps.log.error(
        { err: error, decisionId: id, resource: request.resource },
        'a resource policy failed: denied',
      )
      return this.#refuse(request, { allowed: false, id, reason: 'error', determining: [] })
    }
    const decision = this.decide(request, this.#deps.evaluator, { onResource })
    return (await this.#isTold(request, decision))
      ? decision
      : this.#refuse(request, { allowed: false, id: decision.id, reason: 'error', determining: [] })
  }

  /** What a break-glass user does raises an alert, or does not happen. Asking what one could do is no use of it. */
  async #isTold({ principal, action, resource }: AuthzRequest, { allowed, id }: Decision): Promise<boolean> {
    if (principal.kind !== 'user' || principal.auth === 'internal') return true
    if (!this.#deps.directory.findUser(principal.account, principal.name)?.breakGlass) return true
    const { account, name: userName } = principal
    try {
      await this.#deps.alarm({ id, account, userName, action, resource, allowed, at: this.#deps.clock.now() })
      return true
    } catch (error) {
      this.#deps.log.error({ err: error, decisionId: id }, 'the use of a break-glass user could not be told: denied')
      return false
    }
  }

  /** The same without policies on resources but those given, by a chosen evaluator. Never throws.
   */
  decide(request: AuthzRequest, evaluator: Evaluator, given: Given = {}): Decision {
    const id = makeDecisionId()
    try {
      const found = this.caseOf(request, given)
      if (!found) return this.#refuse(request, { allowed: false, id, reason: 'implicitDeny', determining: [] })
      if (found.view.broken.length > 0) {
        this.#deps.log.error(
          { decisionId: id, principal: request.principal.arn, policies: found.view.broken },
          'denied, because a policy that applies cannot be read',
        )
        return this.#refuse(request, { allowed: false, id, reason: 'error', determining: [] }, found)
      }
      const { reason } = decide(found.layers, found.question, evaluator)
      const decision = new Decided(id, reason, found)
      if (!decision.allowed) return this.#refuse(request, decision, found, given.asked)
      this.#deps.uses.add(request, decision)
      return decision
    } catch (error) {
      this.#deps.log.error(
        { err: error, decisionId: id, principal: request.principal.arn },
        'a decision failed: denied',
      )
      return this.#refuse(request, { allowed: false, id, reason: 'error', determining: [] })
    }
  }

  /** The same as an answer alone, of which nothing is kept. */
  isAllowed(request: AuthzRequest, evaluator: Evaluator): boolean {
    try {
      const found = this.caseOf(request)
      return (
        found !== undefined &&
        found.view.broken.length === 0 &&
        decide(found.layers, found.question, evaluator).reason === 'allow'
      )
    } catch (error) {
      this.#deps.log.error({ err: error, principal: request.principal.arn }, 'a decision failed: denied')
      return false
    }
  }

  /** Keeps why, for whoever quotes the id. */
  #refuse(request: AuthzRequest, decision: Decision, seen?: Case, asked = false): Decision {
    this.#deps.decisions.add({ request, decision, seen, asked })
    return decision
  }

  /** undefined where the principal is gone or the request is longer than any real one. */
  caseOf(request: AuthzRequest, { asserted = false, onResource, passing }: Given = {}): Case | undefined {
    const { principal, action, resource } = request
    const view = this.#deps.views.find(principal)
    if (!view || action.length > REQUEST_TEXT_MAX || resource.length > REQUEST_TEXT_MAX) return undefined
    const { directory } = this.#deps
    const name = splitResource(resource)
    const owner = name && accountField(name)
    const now = this.#deps.clock.now()
    const keys = new DecisionKeys({
      principal,
      view,
      now,
      context: request.context,
      asserted,
      resource: { name: resource, account: owner || undefined, directory },
    })
    const question = questionOf(
      { action: passing ?? action, resource, resourceName: name, keys },
      callerOf(principal.account, namesOf(principal, view)),
    )
    const sessions = principal.sessionPolicies?.map((document) => this.#deps.views.sessionList(document)) ?? NONE
    const project = owner && keys.get('g:enterpriseprojectid')
    const disabled =
      typeof project === 'string' && owner && !directory.isProjectEnabled(owner, project)
        ? [{ node: `project/${project}`, list: readsOnly }]
        : NONE
    const { holder } = view
    const user = holder && 'enabled' in holder ? holder : undefined
    // Asked by others, too: who is disabled may nothing, whatever its policies say.
    if (user && !user.enabled) return { view, question, layers: { ...EMPTY_LAYERS, identity: nothing } }
    const custodianId = principal.kind === 'user' ? holder?.id : undefined
    const custody =
      custodianId !== undefined && isCustody(directory, { account: principal.account, custodianId, action, resource })
    if (custody) return { view, question, layers: { ...EMPTY_LAYERS, identity: custodyList, sessions } }
    const breakGlass = user?.breakGlass
    if (breakGlass && !isOpen(breakGlass, now)) {
      return { view, question, layers: { ...EMPTY_LAYERS, identity: nothing } }
    }
    // What the platform does itself is bounded by nobody's organisation, and an emergency not by its own.
    const isBound = principal.kind !== 'platform' && !breakGlass
    const isOwnerBound = principal.kind !== 'platform' && !(breakGlass && owner === principal.account)
    return {
      view,
      question,
      layers: {
        guardrails: (isBound && directory.placeOf(principal.account)?.guardrails) || NONE,
        resourceGuardrails:
          isOwnerBound && owner ? concat(directory.placeOf(owner)?.resourceGuardrails ?? NONE, disabled) : NONE,
        identity: view.identity,
        boundary: view.boundary,
        sessions,
        resource: onResource?.list,
        resourcePolicyRequired: onResource?.required ?? false,
        // A resource that names no account, or the platform itself, is nobody else's.
        sameAccount: !owner || owner === principal.account || owner === 'rampart' || principal.kind === 'platform',
      },
    }
  }
}
