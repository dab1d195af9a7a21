import type { AccountId, ContextValue } from '../../platform/index.ts'
import { decide, determiningStatements, EMPTY_LAYERS, type Layers } from '../decision/decide.ts'
import { nativeEvaluator } from '../decision/native.ts'
import { questionOf } from '../decision/question.ts'
import { StatementList } from '../decision/statement-list.ts'
import { canonicalKey } from '../policy/context-keys.ts'
import { parsePolicy } from '../policy/document.ts'
import { compilePolicy } from '../policy/statement.ts'
import type { KeyValues } from '../policy/text-pattern.ts'

export type Properties = Readonly<Record<string, unknown>>

/** A foreign component's own subjects, resources, actions and policies, as it registered them. */
export interface ApplicationInput {
  readonly subjectTypes: readonly string[]
  readonly resourceTypes: readonly string[]
  readonly actions: readonly string[]
  readonly entities: readonly Entity[]
  readonly policies: readonly ApplicationPolicy[]
  /** Users whose token picks this application before any other. */
  readonly callers: readonly string[]
}

export interface Entity {
  readonly type: string
  readonly id: string
  readonly properties: Properties
}

export interface ApplicationPolicy {
  readonly id: string
  /** JSON text. Holds for every subject; conditions on `subject.…` say for which. */
  readonly document: string
}

export interface EntityRef {
  readonly type: string
  readonly id: string
  readonly properties?: Properties
}

export interface ActionRef {
  readonly name: string
  readonly properties?: Properties
}

export interface Evaluation {
  readonly subject: EntityRef
  readonly action: ActionRef
  readonly resource: EntityRef
  readonly context?: Properties | undefined
}

export interface EvaluationResult {
  readonly allowed: boolean
  readonly reason: 'allow' | 'explicitDeny' | 'implicitDeny'
  readonly determining: readonly string[]
}

/** An application ready to decide: policies compiled, entities found by type and id. */
export class ApplicationWorld {
  readonly account: AccountId
  readonly name: string
  readonly input: ApplicationInput
  readonly #layers: Layers
  readonly #entities: ReadonlyMap<string, Entity>

  /** @throws iam.policy.malformed */
  constructor(account: AccountId, name: string, input: ApplicationInput) {
    this.account = account
    this.name = name
    this.input = input
    const policies = input.policies.map(({ id, document }) => compilePolicy(id, parsePolicy(document, 'identity')))
    this.#layers = { ...EMPTY_LAYERS, identity: new StatementList(policies) }
    this.#entities = new Map(input.entities.map((entity) => [keyOf(entity), entity]))
  }

  find(entity: { readonly type: string; readonly id: string }): Entity | undefined {
    return this.#entities.get(keyOf(entity))
  }

  entitiesOf(type: string): Entity[] {
    return this.input.entities.filter((entity) => entity.type === type)
  }

  /** Stored properties of subject and resource count where the request gives none of that name. */
  evaluate({ subject, action, resource, context }: Evaluation): EvaluationResult {
    const question = questionOf({
      action: `${this.name}:${resource.type}:${action.name}`,
      resource: `arn:rampart:${this.name}:local:${this.account}:${resource.type}/${resource.id}`,
      keys: new EvaluationKeys({
        subject: [{ type: subject.type, id: subject.id }, subject.properties, this.find(subject)?.properties],
        resource: [{ type: resource.type, id: resource.id }, resource.properties, this.find(resource)?.properties],
        action: [{ name: action.name }, action.properties],
        context: [context],
      }),
    })
    const { reason } = decide(this.#layers, question, nativeEvaluator)
    return {
      allowed: reason === 'allow',
      reason,
      determining: determiningStatements(this.#layers, question),
    }
  }
}

function keyOf({ type, id }: { readonly type: string; readonly id: string }): string {
  return JSON.stringify([type, id])
}

type Sources = Readonly<Record<'subject' | 'resource' | 'action' | 'context', readonly (Properties | undefined)[]>>

/** `subject.<p>`, `resource.<p>`, `action.<p>` and `context.<p>`; what comes first in a list counts, so nobody can
 * state a property called `id` that is not the id. Names ignore case, as those of all keys do. */
class EvaluationKeys implements KeyValues {
  readonly #values = new Map<string, ContextValue>()

  constructor(sources: Sources) {
    for (const [prefix, list] of Object.entries(sources)) {
      for (const properties of list) {
        for (const [name, value] of Object.entries(properties ?? {})) {
          const key = canonicalKey(`${prefix}.${name}`)
          const usable = toContextValue(value)
          if (usable !== undefined && !this.#values.has(key)) this.#values.set(key, usable)
        }
      }
    }
  }

  get(key: string): ContextValue | undefined {
    return this.#values.get(key)
  }
}

/** Scalars and lists of scalars; what is nested further has no key. */
export function toContextValue(value: unknown): ContextValue | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (!Array.isArray(value)) return undefined
  return value.filter((one) => typeof one === 'string' || typeof one === 'number').map(String)
}
