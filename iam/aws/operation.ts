import type { AccountId, Context } from '../../platform/index.ts'
import type { QueryInput, XmlValue } from './query.ts'

/** One operation of an AWS Query service: what it takes to call it, and what it does. */
export interface QueryOperation {
  readonly action: string
  /** The resource asked about; absent where having credentials is enough, for the reason in `callerOnly`. */
  readonly resource?: (input: QueryInput, account: AccountId) => string
  readonly callerOnly?: string
  /** Reads change nothing and are audited only when refused. */
  readonly audit?: 'refusals'
  /** @returns the members of the result; undefined where the operation has none */
  run(ctx: Context, input: QueryInput): Promise<XmlValue> | XmlValue
}

export interface QueryService {
  /** Signing name. */
  readonly name: string
  readonly version: string
  readonly namespace: string
  readonly operations: ReadonlyMap<string, QueryOperation>
}
