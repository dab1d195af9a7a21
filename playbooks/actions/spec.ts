import type { ValueType } from '../expressions/value-type.ts'
import type { JsonMap } from '../types.ts'

/** What an action takes under one name of `with`. */
export interface Parameter {
  readonly type: ValueType
  readonly required?: true
  readonly enum?: readonly string[]
  readonly description: string
}

/** What may be done after the process died while the call was under way. `natural`: the same call again leaves the
 * same state; `key`: the far side knows a key it has seen. */
export type Idempotence = 'natural' | 'key'

/** An action as the linter and the engine know it, without its doing.   @see operations reference 2.4 */
export interface ActionSpec {
  /** `connector[.object].verb` */
  readonly name: string
  readonly summary: string
  readonly parameters: { readonly [name: string]: Parameter }
  readonly output: ValueType
  idempotence(input: JsonMap): Idempotence
}

export type ActionSpecs = ReadonlyMap<string, ActionSpec>
