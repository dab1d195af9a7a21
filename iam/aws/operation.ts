import type { FastifyRequest } from 'fastify'
import type { AccountId, Arn, Context, ContextValue } from '../../platform/index.ts'
import type { QueryInput, XmlValue } from './query.ts'

/** A call of an operation that is not signed. */
export interface PublicCall {
  /** What a decision may depend on. */
  readonly context: ReadonlyMap<string, ContextValue>
  /** Says who it was, once that is known: the call is audited as theirs. */
  identify(caller: { readonly account: AccountId; readonly arn: Arn }): void
}

/** An operation for callers without credentials: what they bring instead is judged by the operation. */
export interface PublicQueryOperation {
  readonly action: string
  readonly public: string
  run(call: PublicCall, input: QueryInput): Promise<XmlValue>
}

/** One operation of an AWS Query service: what it takes to call it, and what it does. */
export interface SignedQueryOperation {
  readonly action: string
  /** The resource asked about; absent where having credentials is enough, for the reason in `callerOnly`. */
  readonly resource?: (input: QueryInput, account: AccountId) => string
  readonly callerOnly?: string
  /** Context keys that the parameters bring. */
  readonly context?: (input: QueryInput) => ReadonlyMap<string, ContextValue>
  /** Reads change nothing and are audited only when refused. */
  readonly audit?: 'refusals'
  /** @returns the members of the result; undefined where the operation has none */
  run(ctx: Context, input: QueryInput, request: FastifyRequest): Promise<XmlValue> | XmlValue
}

/** An operation under the name that callers send as `Action`. */
export type NamedOperation = readonly [string, SignedQueryOperation]

export type QueryOperation = SignedQueryOperation | PublicQueryOperation

export interface QueryService {
  /** Signing name. */
  readonly name: string
  readonly version: string
  readonly namespace: string
  readonly operations: ReadonlyMap<string, QueryOperation>
}
