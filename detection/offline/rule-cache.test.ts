import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { RULE_CACHE_FILES_MAX } from '../limits.ts'
import { RuleCache } from './rule-cache.ts'

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rampart-rule-cache-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test('what is kept is found by its contents, and only so many of them stay', () => {
  const folder = aFolder()
  const cache = new RuleCache(folder)
  for (let round = 0; round < RULE_CACHE_FILES_MAX; round++) {
    const key = RuleCache.keyOf([`rule ${round}`])
    cache.keep(key, { round })
    cache.keepScreen(key, Buffer.from([round]))
    expect(cache.find(key)).toEqual({ round })
    expect(cache.findScreen(key)).toEqual(Buffer.from([round]))
  }
  expect(readdirSync(folder)).toHaveLength(RULE_CACHE_FILES_MAX)
  expect(cache.find(RuleCache.keyOf(['rule 0']))).toBeUndefined()
  const newest = RuleCache.keyOf([`rule ${RULE_CACHE_FILES_MAX - 1}`])
  cache.forgetScreen(newest)
  expect(cache.findScreen(newest)).toBeUndefined()
})

test('lists of contents that read alike when put together have names of their own', () => {
  const names = [['ab', 'c'], ['a', 'bc'], ['abc'], [Buffer.from('abc')], ['ab', 'c', '']].map((list) =>
    RuleCache.keyOf(list),
  )
  expect(new Set(names).size).toBe(names.length)
})
