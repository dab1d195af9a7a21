import { QuietestOut } from './quietest-out.ts'

/** A large part of what a model has learned: entries that are saved one by one. */
export interface Table {
  /** Begins to give the entries, as they are now, to `take`, in a form that JSON can hold.   @see QuietestOut.walk */
  walk(take: (key: string, value: unknown, rank: number, met: number | null) => void): () => boolean
}

/** A table as models take it back, in the order of use, oldest first; `met` is null for regulars. */
export type Saved<Value> = readonly (readonly [key: string, value: Value, met: number | null])[]

/** All that a model's later statements depend on, to be saved at once or little by little. */
export interface Savable {
  /** What is small, as JSON can hold it; as it is now. */
  readonly rest: Readonly<Record<string, unknown>>
  readonly tables: Readonly<Record<string, Table>>
}

/** A table of what a map holds.   @param encode a value in a form that JSON can hold; it is written out before it changes */
export const tableOf = <Value>(map: QuietestOut<Value>, encode: (value: Value) => unknown): Table => ({
  walk: (take) => map.walk((key, value, rank, met) => take(key, encode(value), rank, met)),
})

/** The map whose table was saved; an empty one where none was.   @param decode what `encode` gave */
export const mapOf = <Value, Encoded>(
  max: number,
  saved: Saved<Encoded> | undefined,
  decode: (encoded: Encoded) => Value,
): QuietestOut<Value> =>
  new QuietestOut(
    max,
    (saved ?? []).map(([key, encoded, met]) => [key, decode(encoded), met] as const),
  )

/** What is rest and what are tables in one, as models take it back. */
export function wholeOf({ rest, tables }: Savable): Record<string, unknown> {
  const whole: Record<string, unknown> = { ...rest }
  for (const [name, table] of Object.entries(tables)) {
    const entries: Saved<unknown>[number][] = []
    const next = table.walk((key, value, _, met) => entries.push([key, value, met]))
    while (next());
    whole[name] = entries
  }
  return whole
}
