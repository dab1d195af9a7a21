import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { costsOfLines } from '../../detection/match/cost-model.ts'
import { RuleMatcher } from '../../detection/match/rule-matcher.ts'
import { LineScreen } from '../../detection/screen/line-screen.ts'
import { readSigma } from '../../detection/sigma/read.ts'
import type { SigmaRule } from '../../detection/sigma/rule.ts'
import type { JsonObject } from '../../pipeline/index.ts'
import { event, placeholders, rule } from './random-sigma.ts'

const windowsEvent = fc
  .tuple(
    fc.record({
      Channel: fc.constantFrom('Security', 'security', 'Microsoft-Windows-Sysmon/Operational', 'Other'),
      EventID: fc.constantFrom(1, '1', 4688, 4688, 7.5, '01'),
    }),
    event,
    fc.boolean(),
    fc.boolean(),
  )
  .map(([kind, { deep, ...flat }, last, nests]) => {
    const members = nests ? { ...flat, deep } : (plainer(flat) as typeof flat)
    return last ? { ...members, ...kind } : { ...kind, ...members }
  })

/** Without the characters beyond ASCII that fold to ASCII, which are rare and always handed on. */
function plainer(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(/[ſK]/g, 'x')
  if (Array.isArray(value)) return value.map(plainer)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plainer(one)]))
}

/** Ways to write the same JSON, or JSON that others would not write. */
const style = fc.record({
  spaced: fc.boolean(),
  escapeEvery: fc.constantFrom(0, 0, 0, 0, 1, 3),
  slashes: fc.boolean(),
  numbers: fc.constantFrom('', '', '', '.0', 'e0'),
  /** A member that comes twice: the last one counts. */
  twice: fc.option(fc.constantFrom('Image', 'CommandLine', 'Channel', 'Port')),
})
type Style = typeof style extends fc.Arbitrary<infer S> ? S : never

function write(value: unknown, how: Style): string {
  const space = how.spaced ? ' \t' : ''
  if (typeof value === 'string') return writeText(value, how)
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}${how.numbers}` : String(value)
  if (Array.isArray(value)) return `[${space}${value.map((one) => write(one, how)).join(`${space},${space}`)}${space}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([name, one]) => `${JSON.stringify(name)}${space}:${space}${write(one, how)}`,
    )
    if (how.twice && Object.hasOwn(value, how.twice)) members.unshift(`"${how.twice}":"cmd.exe -x 10"`)
    return `{${space}${members.join(`${space},${space}`)}${space}}`
  }
  return String(value)
}

function writeText(text: string, { escapeEvery, slashes }: Style): string {
  let at = 0
  const plain = JSON.stringify(text).slice(1, -1)
  const written = plain.replaceAll(/\\.|[^\\]/gsu, (one) => {
    if (one === '/' && slashes) return '\\/'
    if (one.startsWith('\\') || escapeEvery === 0 || at++ % escapeEvery !== 0) return one
    return one
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')
  })
  return `"${written}"`
}

const ODD_LINES = [
  '',
  '{}',
  'no JSON',
  '{"Channel":"Security","EventID":1',
  '[1]',
  '{"Channel":"Security","EventID":1}x',
  ' ',
]

/** Runs lines through a screen: what each line's rules are, and what it handed on. */
function look(screen: LineScreen, matcher: RuleMatcher, lines: readonly string[]) {
  const told = lines.map(() => [] as readonly number[])
  let handedOn = 0
  screen.visit(Buffer.from(lines.map((line) => `${line}\n`).join('')), {
    matched: (_, line, rules) => {
      told[line] = rules
    },
    odd: (bytes, line) => {
      expect(bytes.toString()).toBe(lines[line])
      handedOn++
      told[line] = plain(matcher, bytes.toString())
    },
  })
  return { told, handedOn }
}

function plain(matcher: RuleMatcher, line: string): readonly number[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return []
  }
  return typeof parsed === 'object' && !Array.isArray(parsed) ? matcher.match(parsed as JsonObject, {}) : []
}

test('lines are matched as the events that they say, however they are written', { timeout: 600_000 }, () => {
  const seen = { lines: 0, handedOn: 0, matches: 0 }
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(windowsEvent, style), { minLength: 1, maxLength: 12 }),
      fc.array(fc.constantFrom(...ODD_LINES), { maxLength: 2 }),
      (rules, events, odd) => {
        const documents = rules.flatMap(
          (one, index) =>
            readSigma(stringify({ ...one, id: `r${index}`, logsource: { product: 'windows' } }), {
              fallbackId: 'x',
              placeholders,
            }).documents as readonly SigmaRule[],
        )
        const lines = [...events.map(([one, how]) => write(one, how)), ...odd]
        const expected = lines.map((line) => plain(new RuleMatcher(documents), line))
        const matcher = new RuleMatcher(documents, costsOfLines)
        const screen = new LineScreen(matcher)
        // The first time kinds are met, the second time they are known, then what was learned is taken up by others.
        look(screen, matcher, lines)
        const { told, handedOn } = look(screen, matcher, lines)
        expect(told).toEqual(expected)
        const next = new RuleMatcher(documents, costsOfLines)
        const taken = new LineScreen(next)
        expect(taken.takeUp(screen.keep() as Buffer)).toBe(true)
        expect(look(taken, next, lines).told).toEqual(expected)
        seen.lines += lines.length
        seen.handedOn += handedOn
        seen.matches += expected.filter(({ length }) => length > 0).length
      },
    ),
    { numRuns: Number(process.env.SIGMA_PAIRS ?? 8_000) / 80 },
  )
  expect(seen.matches / seen.lines).toBeGreaterThan(0.1)
  expect(seen.handedOn / seen.lines).toBeLessThan(0.9)
  expect(seen.handedOn / seen.lines).toBeGreaterThan(0.1)
})

test('a keyword that has no character of ASCII is found, written as it is and by number', () => {
  const documents = readSigma('title: W\nid: w\nlogsource: {product: windows}\ndetection: {k: [é], condition: k}\n', {
    fallbackId: 'w',
  }).documents as readonly SigmaRule[]
  const matcher = new RuleMatcher(documents, costsOfLines)
  const screen = new LineScreen(matcher)
  const lines = ['aéb', 'É', '\\u00e9', 'e', ''].map((text) => `{"Channel":"Other","EventID":1,"Any":"${text}"}`)
  for (const _ of ['met', 'known']) expect(look(screen, matcher, lines).told).toEqual([[0], [0], [0], [], []])
})

test('what is learned between two lines of a block leaves none of them without its rules', () => {
  const documents = readSigma(
    [
      'title: A\nid: a\nlogsource: {product: windows}\ndetection: {s: {Any: 7, Other|contains: ra}, condition: s}\n',
      'title: B\nid: b\nlogsource: {product: windows}\ndetection: {s: {Third: 8}, f: {Other: x}, condition: s and not f}\n',
    ].join('---\n'),
    { fallbackId: 'x' },
  ).documents as readonly SigmaRule[]
  const lines = Array.from({ length: 9_000 }, (_, at) => {
    const other = at % 900 === 0 ? '"a rare one"' : at % 7 === 0 ? '"x"' : '"y"'
    // One of a few is handed on, and teaches the plan meanwhile.
    return `{"Channel":"Other","EventID":1,"Any":"7","Third":"8","Other":${other}${at % 5 === 0 ? ',"nested":{"a":1}' : ''}}`
  })
  const expected = lines.map((line) => plain(new RuleMatcher(documents), line))
  let kept: Buffer | undefined
  for (let run = 0; run < 3; run++) {
    const matcher = new RuleMatcher(documents, costsOfLines)
    const screen = new LineScreen(matcher)
    if (kept) expect(screen.takeUp(kept)).toBe(true)
    for (let from = 0; from < lines.length; from += 3_000) {
      const block = lines.slice(from, from + 3_000)
      expect(look(screen, matcher, block).told).toEqual(expected.slice(from, from + 3_000))
    }
    kept = screen.keep()
  }
})

test('what is exchanged takes no room in what is kept, and what is mostly lost room is not kept', () => {
  const documents = readSigma(
    'title: A\nid: a\nlogsource: {product: windows}\ndetection: {s: {Any|contains: seven, Other|contains: other}, condition: s}\n',
    { fallbackId: 'x' },
  ).documents as readonly SigmaRule[]
  const linesOf = (any: string, other: string) =>
    Array.from({ length: 6_000 }, () => `{"Channel":"Other","EventID":1,"Any":"${any}","Other":"${other}"}`)
  const run = (kept: Buffer | undefined, lines: readonly string[]): LineScreen => {
    const matcher = new RuleMatcher(documents, costsOfLines)
    const screen = new LineScreen(matcher)
    if (kept) expect(screen.takeUp(kept)).toBe(true)
    for (let from = 0; from < lines.length; from += 1_000) look(screen, matcher, lines.slice(from, from + 1_000))
    return screen
  }
  const usual = run(undefined, linesOf('6', '5')).keep()
  const learned = run(undefined, linesOf('seven', '5')).keep()
  const learnedOther = run(undefined, linesOf('6', 'other')).keep()
  const lengths = [usual, learned, learnedOther].map((kept) => kept?.length ?? 0)
  // An automaton alone takes 300 bytes.
  expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThan(100)

  // Each run finds that what it took up is wrong for its events.
  let kept: Buffer | undefined = learned
  const whatWasKept: boolean[] = []
  for (let round = 0; round < 4; round++) {
    const screen = run(kept, round % 2 === 0 ? linesOf('6', 'other') : linesOf('seven', '5'))
    expect(screen.hasLearned).toBe(true)
    kept = screen.keep()
    whatWasKept.push(kept !== undefined)
  }
  expect(whatWasKept).toContain(false)
  expect(whatWasKept).toContain(true)
})

test('bytes that are not what was kept are not taken up', () => {
  const matcher = new RuleMatcher([], costsOfLines)
  const kept = new LineScreen(matcher).keep() as Buffer
  for (const at of [0, 5, 20, kept.length - 1]) {
    const changed = Buffer.from(kept)
    changed[at] = (changed[at] as number) ^ 1
    expect(new LineScreen(new RuleMatcher([], costsOfLines)).takeUp(changed)).toBe(false)
  }
  expect(new LineScreen(matcher).takeUp(kept.subarray(0, 3))).toBe(false)
  expect(new LineScreen(new RuleMatcher([], costsOfLines)).takeUp(kept)).toBe(true)
})
