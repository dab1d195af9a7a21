/** A STIX pattern as a tree.   @see STIX 2.1, 9 (STIX patterning) */
export type Pattern =
  | { readonly kind: 'observation'; readonly of: Test }
  | { readonly kind: 'or' | 'and' | 'followedBy'; readonly of: readonly Pattern[] }
  | { readonly kind: 'qualified'; readonly of: Pattern; readonly qualifier: Qualifier }

/** Within so many seconds, so many times, or between two instants (ms, the second excluded). */
export type Qualifier =
  | { readonly kind: 'within'; readonly seconds: number }
  | { readonly kind: 'repeats'; readonly times: number }
  | { readonly kind: 'startStop'; readonly from: number; readonly to: number }

/** What one observation has to hold. */
export type Test =
  | { readonly kind: 'anyOf' | 'allOf'; readonly of: readonly Test[] }
  | { readonly kind: 'exists'; readonly path: ObjectPath; readonly negated: boolean }
  | {
      readonly kind: 'comparison'
      readonly path: ObjectPath
      readonly operator: Operator
      readonly negated: boolean
      /** One but for IN. */
      readonly values: readonly Literal[]
    }

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'IN' | 'LIKE' | 'MATCHES' | 'ISSUBSET' | 'ISSUPERSET'
/** Bytes (`b'…'`, `h'…'`) are text of as many characters below 256. */
export type Literal = string | number | boolean | Instant

/** `t'2026-01-31T08:00:00Z'`. */
export interface Instant {
  /** ms */
  readonly at: number
}

/** `file:hashes.'SHA-256'`: a kind of observable, and the way into it. */
export interface ObjectPath {
  readonly object: string
  readonly steps: readonly (string | number | '*')[]
}
