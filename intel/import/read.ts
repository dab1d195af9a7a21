import { intelError } from '../errors.ts'
import { readMisp } from '../misp/read-event.ts'
import { guessIndicator } from '../normalise.ts'
import { readStix } from '../stix/read-bundle.ts'
import { isRecord } from './json-depth.ts'
import { readCsv, readNdjson, readText } from './read-lines.ts'
import type { ImportFormat, ReadDefaults, Reading } from './reading.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** What a file says, in the form it is told to be in or the one it looks like.
 * @throws intel.import.unreadable, intel.import.tooLarge */
export function readImport(body: Buffer, format: ImportFormat | undefined, defaults: ReadDefaults): Reading {
  let text: string
  try {
    text = utf8.decode(body)
  } catch (cause) {
    throw intelError('intel.import.unreadable', 'the file is not UTF-8', { cause })
  }
  switch (format) {
    case 'stix':
      return readStix(parseJson(text), defaults)
    case 'misp':
      return readMisp(parseJson(text), defaults)
    case 'ndjson':
      return readNdjson(text, defaults)
    case 'csv':
      return readCsv(text, defaults)
    case 'text':
      return readText(text, defaults)
    case undefined:
      return readUnknown(text, defaults)
  }
}

function readUnknown(text: string, defaults: ReadDefaults): Reading {
  const start = text.trimStart()
  if (!start.startsWith('{') && !start.startsWith('['))
    return looksLikeCsv(text) ? readCsv(text, defaults) : readText(text, defaults)
  const value = tryParseJson(text)
  // Several values in one text: one a line.
  if (value === undefined) return readNdjson(text, defaults)
  const [first] = Array.isArray(value) ? value : [value]
  if (isRecord(first) && typeof first.id === 'string' && typeof first.type === 'string')
    return readStix(value, defaults)
  if (isRecord(first) && first.type === 'bundle') return readStix(value, defaults)
  if (isRecord(first) && ['Event', 'response', 'Attribute', 'Object'].some((member) => first[member] !== undefined)) {
    return readMisp(value, defaults)
  }
  if (isRecord(value) && typeof value.value === 'string') return readNdjson(text, defaults)
  throw intelError(
    'intel.import.unreadable',
    'the JSON is no STIX bundle, no MISP event and no indicator; say what it is with `format`',
  )
}

/** Most lines have more than one cell, and are no indicator as they are. */
function looksLikeCsv(text: string): boolean {
  const lines = text
    .slice(0, 8_192)
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .slice(0, 20)
  const rows = lines.filter((line) => /[,;\t]/.test(line) && !guessIndicator(line).ok)
  return rows.length > 0 && rows.length * 2 >= lines.length
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : ''
    throw intelError('intel.import.unreadable', `the file is no JSON: ${reason}`, { cause })
  }
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
