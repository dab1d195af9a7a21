import { expect, test } from 'vitest'
import { account, anEvent, aRuleDetector, rulesOf, ruleText, shard } from '../testing/builders.ts'

const DAY = 86_400_000
const scope = { account, workspace: 'default', removed: [] }
const rule = ruleText('failed', '{s: {outcome: failed}, condition: s}')

function aDetector(stormFindingsMax = 1_000) {
  const detector = aRuleDetector({ stormFindingsMax })
  detector.rules.changeRules({ ...scope, put: rulesOf(rule) })
  return detector
}

const fail = (offset: number, receivedAt?: number) =>
  anEvent(offset, { outcome: offset % 3 === 0 ? 'failed' : 'fine' }, receivedAt === undefined ? {} : { receivedAt })
const events = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => fail(from + i))
/** What was told of each day, the last word counting. */
const lastOf = (told: ReturnType<ReturnType<typeof aDetector>['takeTallies']>) =>
  new Map(told.map(({ since, day, ...figures }) => [`${since}/${day}`, figures]))

test('a replay from a checkpoint tells the figures of an undisturbed run, wherever it was told last', () => {
  const undisturbed = aDetector(10)
  undisturbed.detect(shard, events(0, 90))
  const wanted = lastOf(undisturbed.takeTallies())
  expect([...wanted.values()]).toMatchObject([{ rules: { failed: { matches: 30, heldBack: 10 } } }])
  for (const [checkpoint, died] of [
    [0, 50],
    [30, 30],
    [30, 75],
    [89, 90],
  ] as const) {
    const first = aDetector(10)
    first.detect(shard, events(0, checkpoint))
    const state = first.snapshot(shard)
    const told = [...first.takeTallies()]
    first.detect(shard, events(checkpoint, died))
    told.push(...first.takeTallies())
    const second = aDetector(10)
    second.restore(shard, checkpoint === 0 ? undefined : state)
    second.detect(shard, events(checkpoint, 90))
    expect(lastOf([...told, ...second.takeTallies()])).toEqual(wanted)
  }
})

test('counting that begins at a checkpoint without figures goes on under the same name', () => {
  const quiet = aDetector()
  quiet.rules.changeRules({ ...scope, put: [], removed: ['failed'] })
  quiet.detect(shard, events(0, 30))
  expect(quiet.takeTallies()).toEqual([])
  const later = aDetector()
  later.restore(shard, quiet.snapshot(shard))
  later.detect(shard, events(30, 60))
  expect(later.takeTallies()).toMatchObject([{ since: 0, rules: { failed: { matches: 10 } } }])
})

test('a day never goes back, and is forgotten when it is past and told', () => {
  const detector = aDetector()
  detector.detect(shard, [fail(0, 10 * DAY), fail(3, 11 * DAY), fail(6, 10 * DAY), fail(9, 12 * DAY)])
  const matches = () => detector.takeTallies().map(({ day, rules }) => [day, rules.failed?.matches])
  expect(matches()).toEqual([
    [10, 1],
    [11, 2],
    [12, 1],
  ])
  const again = aDetector()
  again.restore(shard, detector.snapshot(shard))
  // All that is still known is told once more, and counts once.
  expect(again.takeTallies().map(({ day }) => day)).toEqual([11, 12])
  expect(matches()).toEqual([])
})
