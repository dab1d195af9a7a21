import type { Outcome } from '../expressions/protocol.ts'
import type { Json } from '../types.ts'
import type { Template } from './document.ts'

/** Why an expression of a template has no usable value. */
export class Unresolved extends Error {
  readonly outcome: Outcome & { ok: false }

  constructor(expression: string, outcome: Outcome & { ok: false }) {
    super(`\${{ ${expression.length > 120 ? `${expression.slice(0, 117)}…` : expression} }}: ${outcome.message}`)
    this.outcome = outcome
  }
}

/** Takes the outcomes of a step's expressions in the order in which they were asked for. */
export class Outcomes {
  readonly #outcomes: readonly Outcome[]
  #next = 0

  constructor(outcomes: readonly Outcome[]) {
    this.#outcomes = outcomes
  }

  /** @throws Unresolved */
  take(expression: string): Json {
    const outcome = this.#outcomes[this.#next]
    this.#next += 1
    if (!outcome) throw new Error('assertion failed: an outcome for each expression')
    if (!outcome.ok) throw new Unresolved(expression, outcome)
    return outcome.value
  }

  /** The value of a template. @throws Unresolved */
  resolve(template: Template): Json {
    switch (template.kind) {
      case 'literal':
        return template.value
      case 'expression':
        return this.take(template.text)
      case 'text':
        return template.parts
          .map((part) => ('literal' in part ? part.literal : embed(part.expression, this.take(part.expression))))
          .join('')
      case 'map':
        return Object.fromEntries(template.entries.map(([key, member]) => [key, this.resolve(member)]))
      case 'list':
        return template.items.map((item) => this.resolve(item))
    }
  }
}

function embed(expression: string, value: Json): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const message = 'inside text stand plain values only; write json(…) around this'
  throw new Unresolved(expression, { ok: false, code: 'invalid', message })
}
