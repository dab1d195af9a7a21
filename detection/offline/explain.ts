import type { JsonObject, JsonValue } from '../../pipeline/index.ts'
import { EXPLAINED_CHARS_MAX, EXPLAINED_REASONS_MAX } from '../limits.ts'
import { Evaluator } from '../match/evaluator.ts'
import { EventContext } from '../match/event-context.ts'
import { ANY_FIELD, type Expression, type Predicate } from '../match/expression.ts'
import { type Field, makeField } from '../match/field.ts'
import { compilePredicate } from '../match/predicate.ts'
import { printPattern } from '../sigma/pattern.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import { shapeEvent } from '../sources/event-shape.ts'
import { renameFields } from '../sources/rename.ts'
import { windowsVariants } from '../sources/variant.ts'

/** One comparison that a match rests on. */
export interface Reason {
  /** The search identifier it stands in. */
  readonly selection: string
  /** As the event calls it; `*` for a keyword. */
  readonly field: string
  /** What the event has there, long texts cut. */
  readonly value: JsonValue
  /** What the rule asks, as rules write it: `endswith: \cmd.exe`. */
  readonly asks: string
}

/** Says why the rule of that number matches an event.
 * @param second where fields are looked for that the event itself does not have */
export type Explain = (rule: number, event: JsonObject, second?: JsonObject) => readonly Reason[]

/** Explains matches of rules that were read with their selections.   @see ReadOptions.explain */
export function createExplainer(rules: readonly SigmaRule[]): Explain {
  const fields: Field[] = []
  const slots = new Map<string, number>()
  const context = new EventContext(fields)
  const evaluator = new Evaluator((name) => {
    const known = slots.get(name)
    if (known !== undefined) return known
    slots.set(name, fields.length)
    fields.push(makeField(name))
    context.makeRoom()
    return fields.length - 1
  })
  const holds = (expression: Expression): boolean => evaluator.compile(expression)(context)

  /** The comparisons by which an expression that holds does so. Those below a `not` rest on nothing that is there. */
  function* grounds(expression: Expression): Iterable<Predicate> {
    switch (expression.kind) {
      case 'and':
        for (const part of expression.of) yield* grounds(part)
        return
      case 'or':
        for (const part of expression.of) if (holds(part)) yield* grounds(part)
        return
      case 'not':
      case 'constant':
        return
      default:
        yield expression
    }
  }

  const valueOfKeyword = (keyword: Predicate): JsonValue => {
    // Not through the evaluator, which remembers what it found of the whole event.
    const test = compilePredicate(keyword, () => 0)
    const alone = new EventContext([])
    const found = context.texts().find((text) => {
      alone.begin({ text })
      return test(alone)
    })
    return found === undefined ? null : shortened(found)
  }

  return (number, event, second) => {
    const rule = rules[number]
    const { root } = shapeEvent(event, {})
    context.begin(root, second)
    const renames = rule ? [undefined, ...windowsVariants(rule.logsource).map(({ rename }) => rename)] : []
    const reasons = new Map<string, Reason>()
    for (const rename of renames) {
      const named = (expression: Expression) => (rename ? renameFields(expression, rename) : expression)
      if (!rule || !holds(named(rule.expression))) continue
      for (const { name, expression } of rule.selections ?? []) {
        const selection = named(expression)
        if (!holds(selection)) continue
        for (const ground of grounds(selection)) {
          if (reasons.size >= EXPLAINED_REASONS_MAX) break
          const { field } = ground
          const value = field === ANY_FIELD ? valueOfKeyword(ground) : shown(context.value(slots.get(field) ?? 0))
          const reason = { selection: name, field: field === ANY_FIELD ? '*' : field, value, asks: printAsk(ground) }
          reasons.set(JSON.stringify(reason), reason)
        }
      }
    }
    return [...reasons.values()]
  }
}

function shown(value: JsonValue | undefined): JsonValue {
  if (value === undefined) return null
  if (typeof value === 'string') return shortened(value)
  if (typeof value !== 'object') return value
  const text = JSON.stringify(value)
  return text.length > EXPLAINED_CHARS_MAX ? shortened(text) : value
}

function shortened(text: string): string {
  return text.length > EXPLAINED_CHARS_MAX ? `${text.slice(0, EXPLAINED_CHARS_MAX)}…` : text
}

const positions = { equals: '', contains: 'contains', startsWith: 'startswith', endsWith: 'endswith' } as const

/** Modifiers and value, as in a rule. */
function printAsk(predicate: Predicate): string {
  const ask = (modifiers: readonly string[], value: unknown) =>
    `${modifiers.filter((word) => word !== '').join('|')}: ${shortened(String(value))}`.replace(/^: /, '')
  switch (predicate.kind) {
    case 'text':
      return ask([positions[predicate.position], predicate.cased ? 'cased' : ''], predicate.text)
    case 'glob':
      return ask([predicate.cased ? 'cased' : ''], printPattern(predicate.pattern))
    case 'number':
      return ask([], predicate.text)
    case 'compare':
      return ask([predicate.comparison], predicate.value)
    case 'time':
      return ask([predicate.part, predicate.comparison === 'eq' ? '' : predicate.comparison], predicate.value)
    case 'network':
      return ask(['cidr'], predicate.cidr)
    case 'regex': {
      const { ignoreCase, multiline, dotAll } = predicate.flags
      return ask(['re', ignoreCase ? 'i' : '', multiline ? 'm' : '', dotAll ? 's' : ''], predicate.source)
    }
    case 'fieldRef':
      return ask(['fieldref', positions[predicate.position], predicate.cased ? 'cased' : ''], predicate.other)
    case 'exists':
      return ask(['exists'], predicate.wanted)
    case 'null':
      return 'null'
  }
}
