import type { Span } from './errors.ts'
import type { TimeUnit } from './span.ts'

/** A length as in `span=5m`; without a unit for numbers. */
export interface Length {
  readonly amount: number
  readonly unit: TimeUnit | undefined
  /** As written, for column names. */
  readonly text: string
  readonly span: Span
}

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'like'
  | 'ilike'
  | 'contains'
  | 'regexp'
export type LogicalOperator = 'and' | 'or' | 'xor'

export type LiteralValue = string | number | bigint | boolean | null

/** An expression as written. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: LiteralValue; readonly span: Span }
  /** `date '…'`, `time '…'`, `timestamp '…'`. */
  | {
      readonly kind: 'moment'
      readonly type: 'date' | 'time' | 'timestamp'
      readonly text: string
      readonly span: Span
    }
  | { readonly kind: 'interval'; readonly amount: Expression; readonly unit: TimeUnit; readonly span: Span }
  | { readonly kind: 'field'; readonly name: string; readonly span: Span }
  | {
      readonly kind: 'call'
      /** In lower case. */
      readonly name: string
      readonly args: readonly Expression[]
      /** `operator='AND'` and the like, after the arguments. */
      readonly options: readonly { readonly name: string; readonly value: Expression }[]
      readonly span: Span
    }
  | { readonly kind: 'lambda'; readonly parameters: readonly string[]; readonly body: Expression; readonly span: Span }
  | { readonly kind: 'list'; readonly items: readonly Expression[]; readonly span: Span }
  | { readonly kind: 'not'; readonly operand: Expression; readonly span: Span }
  | { readonly kind: 'negative'; readonly operand: Expression; readonly span: Span }
  | {
      readonly kind: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
      readonly span: Span
    }
  /** `a and b and c` is one of these, so that long conditions are wide, not deep. */
  | {
      readonly kind: 'logical'
      readonly operator: LogicalOperator
      readonly operands: readonly Expression[]
      readonly span: Span
    }
  | {
      readonly kind: 'in'
      readonly operand: Expression
      readonly values: readonly Expression[]
      readonly negated: boolean
      readonly span: Span
    }
  | {
      readonly kind: 'between'
      readonly operand: Expression
      readonly low: Expression
      readonly high: Expression
      readonly negated: boolean
      readonly span: Span
    }
  | { readonly kind: 'isNull'; readonly operand: Expression; readonly negated: boolean; readonly span: Span }
  | {
      readonly kind: 'case'
      readonly branches: readonly { readonly when: Expression; readonly value: Expression }[]
      readonly otherwise: Expression | undefined
      readonly span: Span
    }
  | { readonly kind: 'cast'; readonly operand: Expression; readonly type: string; readonly span: Span }
