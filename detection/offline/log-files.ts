import type { JsonObject, Logsource } from '../../pipeline/index.ts'

/** What a file is: what its lines are to one another. */
export type FileForm =
  /** Each is a record by itself: JSON, or text. */
  | { readonly kind: 'lines' }
  /** They are rows below a head; a row may go on over several lines. */
  | { readonly kind: 'table'; readonly table: 'csv' | 'zeek' | 'w3c' }
  /** They are the lines of JSON values that are written over several, or of an array. */
  | { readonly kind: 'document' }
  /** It has none, and is chunks of so many bytes from a place on, each with whole events. */
  | { readonly kind: 'chunks'; readonly from: number; readonly bytes: number }
  /** There are none. */
  | { readonly kind: 'binary'; readonly what: string }

/** An event that was no JSON. */
export interface TextEvent {
  /** Its own members. */
  readonly original: JsonObject
  /** Where fields are looked for that the event itself does not have. */
  readonly ocsf: JsonObject
  readonly logsource: Logsource
  /** Of its first line, in what was read, from 0. */
  readonly line: number
  /** ms; undefined where it does not say. */
  readonly time: number | undefined
  /** False for a line of no known form, which is a message as it stands. */
  readonly isKnown: boolean
}

/** Takes the lines of one file, one after the other. */
export interface LineReader {
  /** @param line without its newline; valid only during the call
   * @returns the event that is whole with it */
  take(line: Buffer, number: number): TextEvent | undefined
  end(): TextEvent | undefined
}

/** Reads what is no event on a line of JSON. Given by who puts `rampart detect` together, so that a line is read off line as it
 * is on line. */
export interface LogFiles {
  /** What a file is by its first bytes, `HEAD_BYTES` of them unless it has fewer, and its name. */
  formOf(head: Buffer, name: string, isWhole: boolean): FileForm
  /** @param writtenAt when the file was written last, ms */
  open(form: FileForm, writtenAt: number): LineReader
  /** The records of a document, none of them parsed, and why there may be more. */
  split(document: Buffer): { readonly records: readonly Buffer[]; readonly problem?: string }
  /** The events of a chunk, in order, and how many more there are that cannot be read. */
  readChunk(chunk: Buffer): { readonly events: readonly JsonObject[]; readonly damaged: number }
  /** Whether an event of JSON carries a line of text, and is to be read as one. */
  carriesText(event: JsonObject): boolean
}
