import { readdirSync, readFileSync } from 'node:fs'
import { zstdDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createLogFiles } from '../../collectors/files/index.ts'
import { createParser } from '../../collectors/index.ts'
import type { JsonValue } from '../../pipeline/index.ts'
import { sharedData } from '../support/requirements.ts'

const zeek = sharedData('zeek')
const WRITTEN_AT = Date.UTC(2020, 4, 3)

type Row = Readonly<Record<string, JsonValue>>

/** Records of one of Zeek's logs, as its writer of text writes them.   @see https://docs.zeek.org/en/master/log-formats.html */
function writeLog(path: string, records: readonly Row[]): string {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const typeOf = (name: string): string => {
    const value = records.map((record) => record[name]).find((found) => found !== undefined)
    if (Array.isArray(value)) return typeof value[0] === 'number' ? 'vector[interval]' : 'vector[string]'
    return typeof value === 'number' ? 'double' : typeof value === 'boolean' ? 'bool' : 'string'
  }
  const escaped = (text: string) =>
    text === '-' || text === '(empty)'
      ? `\\x${text.charCodeAt(0).toString(16)}${text.slice(1)}`
      : text.replace(/[\t\n,\\]/g, (mark) => `\\x${mark.charCodeAt(0).toString(16).padStart(2, '0')}`)
  const print = (value: JsonValue | undefined): string => {
    if (value === undefined) return '-'
    if (Array.isArray(value)) return value.length === 0 ? '(empty)' : value.map((one) => escaped(String(one))).join(',')
    if (typeof value === 'boolean') return value ? 'T' : 'F'
    return value === '' ? '(empty)' : escaped(String(value))
  }
  return [
    ...['#separator \\x09', '#set_separator\t,', '#empty_field\t(empty)', '#unset_field\t-', `#path\t${path}`],
    `#fields\t${names.join('\t')}`,
    `#types\t${names.map(typeOf).join('\t')}`,
    ...records.map((record) => names.map((name) => print(record[name])).join('\t')),
  ].join('\n')
}

describe.skipIf(!zeek)("Zeek's logs of a recorded attack (needs ../shared/data)", () => {
  test('are the same as text as they are as JSON', () => {
    const logs = new Map<string, Row[]>()
    for (const file of readdirSync(zeek!)) {
      for (const line of zstdDecompressSync(readFileSync(`${zeek!}/${file}`))
        .toString()
        .split('\n')) {
        if (line === '') continue
        const { '@stream': stream, ...record } = JSON.parse(line) as Row
        const path = String(stream)
        logs.set(path, [...(logs.get(path) ?? []), record].slice(-500))
      }
    }
    expect(logs.size).toBeGreaterThan(3)
    const parser = createParser()
    const files = createLogFiles()
    let compared = 0
    for (const [path, records] of logs) {
      const log = Buffer.from(writeLog(path, records))
      const form = files.formOf(log.subarray(0, 65_536), `${path}.log`, log.length <= 65_536)
      expect(form).toEqual({ kind: 'table', table: 'zeek' })
      const reader = files.open(form, WRITTEN_AT)
      const rows = log
        .toString()
        .split('\n')
        .map((line, number) => reader.take(Buffer.from(line), number))
        .filter((row) => row !== undefined)
      expect(rows).toHaveLength(records.length)
      for (const [i, record] of records.entries()) {
        const payload = Buffer.from(JSON.stringify({ _path: path, ...record }))
        const asJson = {
          offset: 0,
          receivedAt: WRITTEN_AT,
          source: 'file',
          format: 'json',
          headers: {},
          payload,
        } as const
        const { original, ocsf, logsource } = parser.parse(asJson)
        const row = rows[i]
        expect(row?.original).toEqual(original)
        // What has no class of its own in JSON is not known to be Zeek's.
        if (logsource.product !== 'zeek') continue
        expect(row?.logsource).toEqual(logsource)
        expect(row?.ocsf).toEqual(ocsf)
        compared++
      }
    }
    expect(compared).toBeGreaterThan(500)
  })
})
