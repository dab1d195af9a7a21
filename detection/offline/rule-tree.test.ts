import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readRuleTree } from './rule-tree.ts'

const rule = (id: string, value = 'x') =>
  `title: ${id}\nid: ${id}\nlogsource: {product: windows}\ndetection: {s: {Image: ${value}}, condition: s}\n`

function aFolder(): { readonly rules: string; readonly cacheFolder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'rampart-rule-tree-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const rules = join(folder, 'rules')
  mkdirSync(rules)
  for (const id of ['a', 'b', 'c', 'd']) writeFileSync(join(rules, `${id}.yml`), rule(id))
  writeFileSync(join(rules, 'bad.yml'), 'title: bad\n')
  return { rules, cacheFolder: join(folder, 'cache') }
}

const told = ({ documents, refused, warnings }: ReturnType<typeof readRuleTree>) =>
  JSON.parse(JSON.stringify({ documents, refused, warnings }))

test('a set of rules that changed is read as if nothing had been kept', () => {
  const { rules, cacheFolder } = aFolder()
  readRuleTree(rules, { cacheFolder })
  // Of an earlier version, in another form.
  writeFileSync(join(cacheFolder, `rules-${'0'.repeat(64)}.json`), '{"documents":[]}', { mode: 0o600 })
  writeFileSync(join(rules, 'a.yml'), rule('a', 'other'))
  rmSync(join(rules, 'b.yml'))
  renameSync(join(rules, 'c.yml'), join(rules, 'e.yml'))
  writeFileSync(join(rules, 'bad.yml'), 'title: worse\n')
  for (const explain of [false, true, false]) {
    for (const time of ['changed', 'kept']) {
      expect(told(readRuleTree(rules, { cacheFolder, explain })), time).toEqual(told(readRuleTree(rules, { explain })))
    }
  }
})

test('what was parsed of files that did not change is taken up', () => {
  const { rules, cacheFolder } = aFolder()
  readRuleTree(rules, { cacheFolder })
  const [name = ''] = readdirSync(cacheFolder)
  const kept = readFileSync(join(cacheFolder, name), 'utf8')
  writeFileSync(join(cacheFolder, name), kept.replace('"title":"b"', '"title":"b, as it was kept"'))
  writeFileSync(join(rules, 'a.yml'), rule('a', 'other'))
  const titles = readRuleTree(rules, { cacheFolder }).documents.map(({ document }) => document.head.title)
  expect(titles).toEqual(['a', 'b, as it was kept', 'c', 'd'])
  // With the texts of their rules kept they are other than they were.
  const explained = readRuleTree(rules, { cacheFolder, explain: true }).documents
  expect(explained.map(({ document }) => document.head.title)).toEqual(['a', 'b', 'c', 'd'])
})
