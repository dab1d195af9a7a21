import type { JsonValue } from '../../pipeline/index.ts'
import type { Draft } from '../ocsf/event.ts'

/** Sets a member whose name came from outside: `__proto__` becomes a name without power. */
export function set(target: Draft, name: string, value: JsonValue): void {
  target[name === '__proto__' ? '[__proto__]' : name] = value
}

/** Sets a member unless the record has one of that name. */
export function setIfFree(target: Draft, name: string, value: JsonValue | undefined): void {
  if (value !== undefined && !Object.hasOwn(target, name)) set(target, name, value)
}
