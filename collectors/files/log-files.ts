import type { JsonObject } from '../../pipeline/index.ts'
import { isJournalRecord } from '../parse/journal.ts'
import { createRecordReader } from '../parse/parser.ts'
import { type DocumentRecords, splitDocument } from './document.ts'
import { type ChunkEvents, readEvtxChunk } from './evtx/chunk.ts'
import { formOfFile } from './form.ts'
import { readCsvLines, readDirectedLines, readTextLines } from './lines.ts'
import type { FileForm, LineReader } from './types.ts'

/** What is known of log files and their lines. */
export interface LogFiles {
  formOf(head: Buffer, name: string, isWhole: boolean): FileForm
  /** @param writtenAt when the file was written last, ms: the year of times that name none */
  open(form: FileForm, writtenAt: number): LineReader
  split(document: Buffer): DocumentRecords
  readChunk(chunk: Buffer): ChunkEvents
  /** True for JSON that carries a line of text, as systemd's journal writes it: it is to be read as one. */
  carriesText(event: JsonObject): boolean
}

/** Reads files of logs as the service reads what it is sent: the lines of text of all forms, tables, JSON. */
export function createLogFiles(): LogFiles {
  const read = createRecordReader()
  return {
    formOf: formOfFile,
    open(form, writtenAt) {
      const frame = { read, writtenAt }
      if (form.kind !== 'table') return readTextLines(frame)
      return form.table === 'csv' ? readCsvLines(frame) : readDirectedLines(frame, form.table)
    },
    split: splitDocument,
    readChunk: readEvtxChunk,
    carriesText: isJournalRecord,
  }
}
