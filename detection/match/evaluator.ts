import { printPattern } from '../sigma/pattern.ts'
import type { EventContext } from './event-context.ts'
import type { Expression, Predicate } from './expression.ts'
import { compilePredicate, type SlotOf, type Test } from './predicate.ts'

/** Turns expressions into tests. Equal comparisons of however many rules are one test, made once an event. */
export class Evaluator {
  readonly #slotOf: SlotOf
  readonly #predicates = new Map<string, Test>()
  readonly #compiled = new WeakMap<Expression, Test>()

  constructor(slotOf: SlotOf) {
    this.#slotOf = slotOf
  }

  compile(expression: Expression): Test {
    const known = this.#compiled.get(expression)
    if (known) return known
    const test = this.#build(expression)
    this.#compiled.set(expression, test)
    return test
  }

  #build(expression: Expression): Test {
    switch (expression.kind) {
      case 'constant': {
        const { value } = expression
        return () => value
      }
      case 'not': {
        const test = this.compile(expression.of)
        return (context) => !test(context)
      }
      case 'and': {
        const tests = byCost(expression.of).map((part) => this.compile(part))
        return (context) => {
          for (let i = 0; i < tests.length; i++) if (!(tests[i] as Test)(context)) return false
          return true
        }
      }
      case 'or': {
        const tests = byCost(expression.of).map((part) => this.compile(part))
        return (context) => {
          for (let i = 0; i < tests.length; i++) if ((tests[i] as Test)(context)) return true
          return false
        }
      }
      default:
        return this.#predicate(expression)
    }
  }

  #predicate(predicate: Predicate): Test {
    const key = keyOfPredicate(predicate)
    const known = this.#predicates.get(key)
    if (known) return known
    const test = onceAnEvent(compilePredicate(predicate, this.#slotOf))
    this.#predicates.set(key, test)
    return test
  }
}

function onceAnEvent(test: Test): Test {
  let epoch = 0
  let result = false
  return (context: EventContext) => {
    if (epoch !== context.epoch) {
      result = test(context)
      epoch = context.epoch
    }
    return result
  }
}

/** Two comparisons with the same key are the same. */
function keyOfPredicate(predicate: Predicate): string {
  const { kind, field } = predicate
  switch (predicate.kind) {
    case 'text':
      return JSON.stringify([kind, field, predicate.position, predicate.cased, predicate.text])
    case 'glob':
      return JSON.stringify([kind, field, predicate.cased, printPattern(predicate.pattern)])
    case 'number':
      return JSON.stringify([kind, field, predicate.value, predicate.text])
    case 'compare':
      return JSON.stringify([kind, field, predicate.comparison, predicate.value])
    case 'time':
      return JSON.stringify([kind, field, predicate.part, predicate.comparison, predicate.value])
    case 'network':
      return JSON.stringify([kind, field, predicate.cidr])
    case 'regex':
      return JSON.stringify([kind, field, predicate.source, predicate.flags])
    case 'fieldRef':
      return JSON.stringify([kind, field, predicate.other, predicate.position, predicate.cased])
    case 'exists':
      return JSON.stringify([kind, field, predicate.wanted])
    case 'null':
      return JSON.stringify([kind, field])
  }
}

/** Cheap comparisons first, regular expressions last. */
function byCost(expressions: readonly Expression[]): readonly Expression[] {
  const cost = new Map(expressions.map((expression) => [expression, costOf(expression)]))
  return [...expressions].sort((left, right) => (cost.get(left) ?? 0) - (cost.get(right) ?? 0))
}

function costOf(expression: Expression): number {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.of.reduce((sum, part) => sum + costOf(part), 0)
    case 'not':
      return costOf(expression.of)
    case 'constant':
      return 0
    case 'regex':
      return 1000
    case 'glob':
    case 'time':
    case 'network':
      return 5
    default:
      return expression.field === '' ? 200 : 1
  }
}
