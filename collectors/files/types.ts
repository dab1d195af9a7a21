import type { Event } from '../../pipeline/index.ts'

/** What a file is: what its lines are to one another. */
export type FileForm =
  /** Each is a record by itself: JSON, or text. */
  | { readonly kind: 'lines' }
  /** They are rows below a head that names their columns; a row may go on over several lines. */
  | { readonly kind: 'table'; readonly table: 'csv' | 'zeek' | 'w3c' }
  /** They are the lines of JSON values that are written over several, or of an array. */
  | { readonly kind: 'document' }
  /** It has none, and is chunks of so many bytes from a place on, each with whole events. */
  | { readonly kind: 'chunks'; readonly from: number; readonly bytes: number }
  /** There are none. */
  | { readonly kind: 'binary'; readonly what: string }

/** A record of a file of text, understood. */
export interface FileEvent extends Pick<Event, 'original' | 'ocsf' | 'logsource'> {
  /** Of its first line, in the file, from 0. */
  readonly line: number
  /** When it happened by its own word, ms; undefined where it does not say. */
  readonly time: number | undefined
  /** False for a line of no known form, which is a message as it stands. */
  readonly isKnown: boolean
}

/** Takes the lines of one file, one after the other. */
export interface LineReader {
  /** @param line without its end; its bytes need be valid only during the call
   * @param number its place in the file
   * @returns the record that is whole with it; undefined for a head, for a comment, for an empty line, and for one that goes on */
  take(line: Buffer, number: number): FileEvent | undefined
  /** The record that the end of the file makes whole. */
  end(): FileEvent | undefined
}
