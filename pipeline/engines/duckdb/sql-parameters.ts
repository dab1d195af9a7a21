import { BIGINT, BOOLEAN, DOUBLE, type DuckDBType, type DuckDBValue, VARCHAR } from '@duckdb/node-api'

/** The values of a statement. INVARIANT (no injection): whatever comes from a query or an event stands in here, never
 * in the statement's text. */
export class Parameters {
  readonly values: DuckDBValue[] = []
  readonly types: DuckDBType[] = []

  /** A text's place in the statement. */
  text(value: string): string {
    return this.#add(value.toWellFormed(), VARCHAR)
  }

  whole(value: bigint): string {
    return this.#add(value, BIGINT)
  }

  real(value: number): string {
    return this.#add(value, DOUBLE)
  }

  truth(value: boolean): string {
    return this.#add(value, BOOLEAN)
  }

  #add(value: DuckDBValue, type: DuckDBType): string {
    this.values.push(value)
    this.types.push(type)
    return `$${this.values.length}`
  }
}
