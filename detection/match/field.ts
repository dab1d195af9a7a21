import type { JsonObject, JsonValue } from '../../pipeline/index.ts'

/** A field of rules, ready to be looked up in events. */
export interface Field {
  readonly name: string
  /** The steps of a dotted name; undefined for a plain one. */
  readonly path: readonly string[] | undefined
  /** What `ocsf.<name>` means: the OCSF member where the event has one of its own called `<name>`. */
  readonly ocsf: Field | undefined
  /** True where every JavaScript object inherits a member of this name. */
  readonly inherited: boolean
}

export function makeField(name: string): Field {
  const path = name.includes('.') ? name.split('.') : undefined
  const ocsf = name.startsWith('ocsf.') ? makeField(name.slice(5)) : undefined
  return {
    name,
    path,
    ocsf,
    inherited: name in Object.prototype || (path?.some((step) => step in Object.prototype) ?? false),
  }
}

/** The field's value: the member of that very name, else the one its dots lead to, through lists to each element.
 * Undefined = missing. */
export function lookUp(root: JsonObject, field: Field): JsonValue | undefined {
  if (field.inherited) return lookUpOwn(root, field)
  const value = root[field.name]
  if (value !== undefined || field.path === undefined) return value
  return walk(root, field.path, 0)
}

function lookUpOwn(root: JsonObject, field: Field): JsonValue | undefined {
  if (Object.hasOwn(root, field.name)) return root[field.name]
  return field.path ? walk(root, field.path, 0) : undefined
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
