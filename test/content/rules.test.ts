import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createParser } from '../../collectors/index.ts'
import { readRuleTree, runRuleTests } from '../../detection/offline/index.ts'
import { account, aRuleDetector, shard } from '../../detection/testing/builders.ts'
import type { StoredRecord } from '../../pipeline/index.ts'

const folder = fileURLToPath(new URL('../../content/rules/', import.meta.url))
const tree = readRuleTree(folder)
type FiledDocument = (typeof tree.documents)[number]
const RECEIVED_AT = Date.UTC(2026, 2, 1, 12)

/** The sample as its source would send it: what has a program's name as a syslog line, all else as JSON. */
function recordOf(sample: Readonly<Record<string, unknown>>, offset: number): StoredRecord {
  const { appname, hostname, message, timestamp = '2026-03-01T09:00:00Z' } = sample
  const line =
    appname === undefined ? JSON.stringify(sample) : `<86>1 ${timestamp} ${hostname} ${appname} 4711 - - ${message}`
  return {
    offset,
    receivedAt: RECEIVED_AT,
    source: 'test',
    format: appname === undefined ? 'json' : 'syslog',
    headers: {},
    payload: Buffer.from(line),
  }
}

/** The document and those it refers to. Others that refer to it would mute it: they alert in its place. */
function withWhatItBuildsOn(document: FiledDocument['document']): FiledDocument['document'][] {
  const named = document.kind === 'correlation' ? document.rules.map(({ reference }) => reference) : []
  const below = tree.documents.filter(({ document: { head } }) => named.includes(head.id))
  return [...new Set([document, ...below.flatMap((filed) => withWhatItBuildsOn(filed.document))])]
}

test('the pack has rules and correlations for every place it promises to watch', () => {
  expect(tree.refused).toEqual([])
  expect(tree.warnings).toEqual([])
  const kinds = tree.documents.map(({ document }) => document.kind)
  expect(kinds.filter((kind) => kind === 'rule').length).toBeGreaterThanOrEqual(60)
  expect(kinds.filter((kind) => kind === 'correlation').length).toBeGreaterThanOrEqual(10)
  expect(new Set(tree.documents.map(({ file }) => file.split('/')[0]))).toEqual(
    new Set(['linux', 'windows', 'web', 'dns', 'identity', 'cloud', 'kubernetes', 'platform']),
  )
})

test('every sample is judged as its author says', () => {
  const { passed, failed, untested } = runRuleTests(tree)
  expect(failed).toEqual([])
  expect(untested).toBe(0)
  expect(passed).toBeGreaterThanOrEqual(2 * tree.documents.length)
})

describe.each(tree.documents.map(({ file, document, tests }) => ({ file, document, tests })))('$file', (filed) => {
  const { document, tests } = filed

  test('names ATT&CK, a hint for the responder, ordinary causes, a true and a false sample', () => {
    const source = parse(readFileSync(`${folder}${filed.file}`, 'utf8'))
    expect(document.head.techniques.length).toBeGreaterThan(0)
    expect(document.head.tactics.length).toBeGreaterThan(0)
    expect(source.response).toMatch(/^\S.{15,}/s)
    expect(source.falsepositives.length).toBeGreaterThan(0)
    expect(new Set(tests.map(({ matches }) => matches))).toEqual(new Set([true, false]))
  })

  test('finds its samples as they come through a collector, and no others', () => {
    const put = withWhatItBuildsOn(document)
    for (const { name, matches, events } of tests) {
      const parser = createParser()
      const detector = aRuleDetector()
      expect(detector.rules.changeRules({ account, workspace: 'default', put, removed: [] })).toEqual([])
      const found = detector.detect(
        shard,
        events.map((sample, offset) => parser.parse(recordOf(sample, offset))),
      )
      expect(
        found.some(({ rule }) => rule.id === document.head.id),
        name,
      ).toBe(matches)
    }
  })
})
