import type { ActionSpecs } from '../actions/spec.ts'
import type { Fields, Scope, ValueType } from '../expressions/value-type.ts'
import type { Json } from '../types.ts'
import type { Playbook, Step, Template } from './document.ts'
import { ancestorsOf } from './graph.ts'
import { fieldTypes } from './input-value.ts'
import type { Site } from './reader.ts'

const RUN: ValueType = {
  fields: {
    id: 'string',
    playbook: 'string',
    revision: 'string',
    workspace: 'string',
    account: 'string',
    started_at: 'timestamp',
    started_by: 'string',
    dry_run: 'bool',
  },
}

const ALERT: ValueType = {
  fields: {
    id: 'string',
    rule_id: 'string',
    title: 'string',
    severity: 'string',
    severity_id: 'int',
    state: 'string',
    verdict: 'string',
    count: 'int',
    first_seen: 'timestamp',
    last_seen: 'timestamp',
    dedup_key: 'string',
    entities: { map: { list: 'string' } },
    techniques: { list: 'string' },
    tactics: { list: 'string' },
    owner: 'string',
    tags: { list: 'string' },
    events: { list: 'string' },
  },
}

/** Makes the scopes of one playbook: which variables an expression sees, and of what type.
 * The linter and the engine use the same, so that what was checked is what runs. */
export class Scopes {
  readonly #playbook: Playbook
  readonly #actions: ActionSpecs
  readonly #vars: ValueType
  readonly #inputs: ValueType
  readonly #steps: ReadonlyMap<string, ValueType>
  readonly ancestors: ReadonlyMap<string, ReadonlySet<string>>

  constructor(playbook: Playbook, actions: ActionSpecs) {
    this.#playbook = playbook
    this.#actions = actions
    this.#vars = typeOfValue(playbook.vars)
    this.#inputs = { fields: fieldTypes(playbook.inputs) }
    this.#steps = new Map(playbook.steps.map((step) => [step.id, this.#stepType(step)]))
    this.ancestors = ancestorsOf(playbook.steps)
  }

  of(site: Site): Scope {
    switch (site.kind) {
      case 'trigger': {
        const kind = this.#playbook.triggers[site.trigger]?.kind
        const own: Scope = kind === 'alert' ? { alert: ALERT } : { body: 'dyn', headers: { map: 'string' } }
        return { vars: this.#vars, ...own }
      }
      case 'outputs':
        return this.#stepScope(this.#playbook.steps.map((step) => step.id))
      case 'step':
        return this.#stepScope(this.ancestors.get(site.step) ?? [])
    }
  }

  #stepScope(ids: Iterable<string>): Scope {
    const steps: Record<string, ValueType> = {}
    for (const id of ids) {
      const type = this.#steps.get(id)
      if (type) steps[id] = type
    }
    return { inputs: this.#inputs, vars: this.#vars, steps: { fields: steps }, run: RUN }
  }

  #stepType(step: Step): ValueType {
    return {
      fields: {
        status: 'string',
        output: this.#outputType(step),
        error: { fields: { code: 'string', message: 'string', attempt: 'int', details: { map: 'dyn' } } },
        attempts: 'int',
        started_at: 'timestamp',
        ended_at: 'timestamp',
      },
    }
  }

  #outputType(step: Step): ValueType {
    switch (step.does.kind) {
      case 'action':
        return this.#actions.get(step.does.action)?.output ?? 'dyn'
      case 'set':
        return typeOfTemplate(step.does.values)
      case 'wait':
        return { fields: { at: 'timestamp' } }
      case 'approval':
        return { fields: { decision: 'string', by: { list: 'string' }, at: 'timestamp', comment: 'string' } }
      case 'stop':
        return 'dyn'
    }
  }
}

/** The type of a constant: what `vars` and literals of `set` are known to be. */
function typeOfValue(value: Json): ValueType {
  if (value === null) return 'dyn'
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'boolean':
      return 'bool'
    case 'number':
      return Number.isSafeInteger(value) ? 'int' : 'double'
  }
  if (Array.isArray(value)) {
    const items = value as readonly Json[]
    return { list: items.length > 0 && items.every((item) => typeof item === 'string') ? 'string' : 'dyn' }
  }
  return { fields: Object.fromEntries(Object.entries(value).map(([key, member]) => [key, typeOfValue(member)])) }
}

function typeOfTemplate(template: Template): ValueType {
  switch (template.kind) {
    case 'literal':
      return typeOfValue(template.value)
    case 'expression':
      return 'dyn'
    case 'text':
      return 'string'
    case 'list':
      return { list: 'dyn' }
    case 'map': {
      const fields: Fields = Object.fromEntries(template.entries.map(([key, member]) => [key, typeOfTemplate(member)]))
      return { fields }
    }
  }
}
