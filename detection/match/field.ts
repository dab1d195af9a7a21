import type { JsonObject, JsonValue } from '../../pipeline/index.ts'

/** A field of rules, ready to be looked up in events. */
export interface Field {
  readonly name: string
  /** The steps of a dotted name; undefined for a plain one. */
  readonly path: readonly string[] | undefined
  /** What `ocsf.<name>` means: the OCSF member where the event has one of its own called `<name>`. */
  readonly ocsf: Field | undefined
}

export function makeField(name: string): Field {
  return {
    name,
    path: name.includes('.') ? name.split('.') : undefined,
    ocsf: name.startsWith('ocsf.') ? makeField(name.slice(5)) : undefined,
  }
}

/** The field's value: the member of that very name, else the one its dots lead to, through lists to each element.
 * Undefined = missing. Asking first whether an object has a member of its own keeps names such as `constructor` from
 * finding what all objects inherit, and costs a tenth of reading a member that is not there. */
export function lookUp(root: JsonObject, field: Field): JsonValue | undefined {
  if (Object.hasOwn(root, field.name)) return root[field.name]
  return field.path === undefined ? undefined : walk(root, field.path, 0)
}

function walk(root: JsonValue, path: readonly string[], from: number): JsonValue | undefined {
  let value: JsonValue = root
  for (let step = from; step < path.length; step++) {
    if (typeof value !== 'object' || value === null) return undefined
    if (Array.isArray(value)) {
      const found: JsonValue[] = []
      for (const element of value as readonly JsonValue[]) {
        const inner = walk(element, path, step)
        if (inner !== undefined) found.push(inner)
      }
      return found.length === 0 ? undefined : found
    }
    const name = path[step] as string
    if (!Object.hasOwn(value, name)) {
      // A name with dots of its own further down: `a` → `b.c`.
      const rest = path.slice(step).join('.')
      return step > from && Object.hasOwn(value, rest) ? (value as JsonObject)[rest] : undefined
    }
    value = (value as JsonObject)[name] as JsonValue
  }
  return value
}
