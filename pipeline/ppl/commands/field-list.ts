import type { FieldName } from '../query.ts'
import type { Reader } from '../reader.ts'
import { quoteName } from '../tokens.ts'

/** Reads fields with commas or spaces between, up to one of the words in `before`. */
export function parseFieldList(reader: Reader, before: readonly string[] = []): FieldName[] {
  const found = [parseFieldName(reader)]
  while (reader.takeSign(',') || (reader.isName() && !before.some((word) => reader.isWord(word)))) {
    found.push(parseFieldName(reader))
  }
  return found
}

export function parseFieldName(reader: Reader): FieldName {
  const { name, span } = reader.expectName('a field')
  return { name, span }
}

export function printFieldList(fields: readonly FieldName[]): string {
  return fields.map(({ name }) => quoteName(name)).join(', ')
}
