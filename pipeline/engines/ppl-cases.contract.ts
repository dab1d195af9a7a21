import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sharedData } from '../../test/support/requirements.ts'
import type { EventStore, JsonValue } from '../index.ts'
import { parseFieldType, parseTimestamp } from '../ppl/index.ts'
import { anEvent, aShard, search } from './contract-support.ts'
import type { OpenedStore } from './event-store.contract.ts'

interface Case {
  readonly id: string
  readonly query: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

const data = sharedData('ppl')

/** The cases that must pass, by id: a case is added when it does, and never taken out. */
const passing: ReadonlySet<string> = new Set(
  JSON.parse(readFileSync(new URL('../ppl/cases-passing.json', import.meta.url), 'utf8')),
)

/** Runs the queries of PPL's executable documentation and compares with what is printed there. */
export function pplCasesContract(name: string, open: () => Promise<OpenedStore>): void {
  describe.skipIf(!data)(`PPL cases: ${name} (needs ../shared/data/ppl)`, () => {
    const cases = readLines(`${data}/cases.ndjson`).map((line): Case => JSON.parse(line))
    const verdicts = new Map<string, string | undefined>()
    let opened: OpenedStore

    beforeAll(async () => {
      opened = await open()
      await load(opened.store)
      for (const each of cases) verdicts.set(each.id, await judge(opened.store, each))
    })
    afterAll(() => opened?.remove())

    it('all of the listed cases pass', () => {
      const broken = [...passing].map((id) => [id, verdicts.get(id)]).filter(([, verdict]) => verdict !== undefined)
      expect(broken).toEqual([])
    })

    it('the list names cases that exist, and all that pass', () => {
      const known = new Set(cases.map(({ id }) => id))
      expect([...passing].filter((id) => !known.has(id))).toEqual([])
      const unlisted = cases.filter(({ id }) => verdicts.get(id) === undefined && !passing.has(id)).map(({ id }) => id)
      expect(unlisted).toEqual([])
    })
  })
}

async function load(store: EventStore): Promise<void> {
  const declared: Record<string, Record<string, string>> = JSON.parse(readFileSync(`${data}/fields.json`, 'utf8'))
  for (const file of readdirSync(`${data}/pipes`)) {
    const pipe = file.replace('.ndjson', '')
    const types = Object.entries(declared[pipe] ?? {}).map(([field, type]) => [field, parseFieldType(type)])
    await store.declare(aShard(pipe), Object.fromEntries(types))
    const events = readLines(`${data}/pipes/${file}`).map((raw, offset) => {
      const original = JSON.parse(raw)
      const micros = parseTimestamp(String(original['@timestamp'] ?? original.timestamp))
      const event = anEvent(offset, original, { raw })
      return micros === undefined ? event : { ...event, time: Number(micros / 1000n) }
    })
    await store.append({ shard: aShard(pipe), events, nextOffset: events.length })
  }
}

/** Why a case does not pass; undefined when it does. */
async function judge(store: EventStore, { query, columns, rows }: Case): Promise<string | undefined> {
  const answer = await search(store, query).catch((error: Error) => error)
  if (answer instanceof Error) return answer.message
  const names = answer.schema.map((field) => field.name)
  const missing = columns.find((column) => !names.includes(column))
  if (missing !== undefined) return `lacks column ${missing}`
  const places = columns.map((column) => names.indexOf(column))
  const left = answer.rows.map((row) => places.map((place) => row[place] ?? null))
  if (left.length !== rows.length) return `${left.length} rows for ${rows.length}`
  for (const row of rows) {
    const hit = left.findIndex((found) => row.every((cell, i) => isSame(cell, found[i] ?? null)))
    if (hit < 0) return `no row ${JSON.stringify(row)}`
    left.splice(hit, 1)
  }
  return undefined
}

/** What is printed and a value: numbers to six digits, null, true and false by meaning, lists and structs by content. */
function isSame(printed: string, found: JsonValue): boolean {
  if (formOf(printed) === formOf(found)) return true
  if (found === null) return printed === ''
  return typeof found === 'object' && looseForm(printed) === looseForm(JSON.stringify(found))
}

function formOf(value: JsonValue): string {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value).trim()
  if (/^(null|true|false)$/i.test(text)) return text.toLowerCase()
  if (/^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text)) return `number ${Number(Number(text).toPrecision(6))}`
  return `text ${text}`
}

function looseForm(text: string): string {
  return text
    .replace(/[\s"']/g, '')
    .toLowerCase()
    .replace(/(?<=\d)\.0+(?=\D|$)/g, '')
}

function readLines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}
