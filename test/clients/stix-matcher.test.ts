import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePattern } from '../../intel/patterns/compile-pattern.ts'
import { PatternIndex } from '../../intel/patterns/pattern-index.ts'
import { type Observation, pathKey, Shown, type ShownValue } from '../../intel/patterns/shown-objects.ts'
import { parsePattern } from '../../intel/stix/parse-pattern.ts'
import { aLiveOpinion, START } from '../../intel/testing/builders.ts'
import { engineUrl } from '../support/engines.ts'

const python = engineUrl('stix')
const script = fileURLToPath(new URL('stix-matcher.py', import.meta.url))

const endpoint = (ip: string, port: number) => ({ ip, port })
const observations: readonly Observation[] = [
  {
    time: START,
    ocsf: {
      class_uid: 4002,
      src_endpoint: endpoint('10.1.1.7', 50123),
      dst_endpoint: endpoint('8.8.8.8', 443),
      connection_info: { protocol_name: 'TCP' },
      http_request: { http_method: 'GET', user_agent: 'curl/8.1 (x)', url: { url_string: '/stage2.bin?a=%20b' } },
    },
    observables: [
      { type: 'ip', value: '10.1.1.7' },
      { type: 'ip', value: '8.8.8.8' },
      { type: 'domain', value: 'files.evil.example' },
      { type: 'url', value: 'http://files.evil.example/stage2.bin' },
    ],
  },
  {
    time: START + 1000,
    ocsf: {
      class_uid: 1007,
      process: {
        pid: 7,
        cmd_line: 'powershell -enc SQBFAFgA "a_b" 100%',
        file: {
          name: 'powershell.exe',
          path: 'C:\\Windows\\powershell.exe',
          size: 4096,
          hashes: [{ value: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' }],
        },
        parent_process: { pid: 6, cmd_line: "it's winword", file: { name: 'winword.exe', size: 12 } },
      },
      actor: { process: { pid: 5, cmd_line: 'explorer', file: { name: 'explorer.exe', size: 4096 } } },
    },
    observables: [],
  },
  {
    time: START + 2000,
    ocsf: {
      class_uid: 4009,
      email: {
        from: 'a@evil.example',
        to: ['b@own.example', 'c@own.example'],
        subject: 'Final Report',
        files: [{ name: 'x.exe' }],
      },
    },
    observables: [
      { type: 'email', value: 'a@evil.example' },
      { type: 'domain', value: 'evil.example' },
    ],
  },
]

/** Paths as patterns write them, and texts and numbers that they are compared with beside those that are there. */
const paths: Readonly<Record<string, readonly string[]>> = {
  'ipv4-addr': ['value'],
  'domain-name': ['value'],
  url: ['value'],
  'network-traffic': [
    'src_port',
    'dst_port',
    'dst_ref.value',
    'protocols[*]',
    'protocols[0]',
    'protocols[1]',
    "extensions.'http-request-ext'.request_value",
    "extensions.'http-request-ext'.request_header.'User-Agent'",
  ],
  process: [
    'pid',
    'command_line',
    'image_ref.name',
    'image_ref.size',
    'parent_ref.command_line',
    "image_ref.hashes.'SHA-1'",
  ],
  file: ['name', 'size', "hashes.'SHA-1'", 'parent_directory_ref.path'],
  'email-message': ['from_ref.value', 'to_refs[*].value', 'to_refs[1].value', 'subject'],
}

/** The steps of a path: names, numbers and `*`. */
const stepsOf = (path: string): (string | number)[] =>
  [...path.matchAll(/'([^']+)'|\[([*0-9]+)\]|([a-z_0-9]+)/gi)].map(([, quoted, index, name]) =>
    index === undefined ? (quoted ?? name ?? '') : index === '*' ? '*' : Number(index),
  )

/** An event's objects as OASIS writes them. */
function bundleOf(observation: Observation, number: number): object {
  const objects: Record<string, unknown>[] = []
  const add = (type: string) => {
    const object: Record<string, unknown> = {
      type,
      id: `${type}--018f0000-0000-7000-8000-${String(number * 1000 + objects.length).padStart(12, '0')}`,
    }
    objects.push(object)
    return object
  }
  const shown = new Shown(observation)
  for (const [type, own] of Object.entries(paths)) {
    for (const each of shown.objectsOf(type)) {
      const root = add(type)
      for (const path of own) {
        const steps = stepsOf(path)
        if (steps.some((step) => typeof step === 'number')) continue
        put(root, steps, each.valuesAt(pathKey(steps)), add)
      }
    }
  }
  const at = new Date(observation.time).toISOString()
  const observed = {
    type: 'observed-data',
    id: `observed-data--018f0000-0000-7000-8000-${String(number).padStart(12, '0')}`,
    number_observed: 1,
    first_observed: at,
    last_observed: at,
    object_refs: objects.map(({ id }) => id),
  }
  return { type: 'bundle', id: 'bundle--018f0000-0000-7000-8000-000000000000', objects: [observed, ...objects] }
}

function put(
  root: Record<string, unknown>,
  steps: readonly (string | number)[],
  values: readonly ShownValue[],
  add: (type: string) => Record<string, unknown>,
): void {
  if (values.length === 0) return
  let at = root
  const known = (id: unknown) => refs.get(id)
  for (const [index, step] of steps.entries()) {
    const name = String(step)
    const rest = steps.slice(index + 1)
    if (name.endsWith('_refs')) {
      at[name] = values.map((value) => {
        const referred = add('email-addr')
        referred[String(rest.at(-1))] = value
        return referred.id
      })
      return
    }
    if (rest.length === 0) at[name] = values[0]
    else if (rest.length === 1 && rest[0] === '*') {
      at[name] = values
      return
    } else if (name.endsWith('_ref')) {
      const referred: Record<string, unknown> = known(at[name]) ?? add('artifact')
      refs.set(referred.id, referred)
      at[name] = referred.id
      at = referred
    } else {
      at[name] ??= {}
      at = at[name] as Record<string, unknown>
    }
  }
}
const refs = new Map<unknown, Record<string, unknown>>()

const valuesAt = (type: string, path: string): ShownValue[] =>
  observations.flatMap((each) =>
    new Shown(each).objectsOf(type).flatMap((object) => object.valuesAt(pathKey(stepsOf(path)))),
  )
const quote = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`
const literal = (value: ShownValue) => (typeof value === 'string' ? quote(value) : String(value))

/** Part of a text, with some of it left open. */
const aLike = (text: string) =>
  fc.tuple(fc.nat(text.length), fc.nat(text.length), fc.constantFrom('%', '_', '')).map(([a, b, open]) => {
    const [from, to] = a < b ? [a, b] : [b, a]
    return `${open}${text.slice(from, to)}%`
  })
const aRegex = (text: string) =>
  fc
    .tuple(fc.nat(text.length), fc.nat(text.length), fc.constantFrom('^', '', '$', '.', '[a-z0-9]+'))
    .map(([a, b, extra]) => {
      const part = text.slice(Math.min(a, b), Math.max(a, b)).replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
      return extra === '^' ? `^${part}` : `${part}${extra}`
    })

const aComparison = (type: string): fc.Arbitrary<string> =>
  fc.constantFrom(...(paths[type] ?? [])).chain((path) => {
    const there = valuesAt(type, path)
    const value = fc.constantFrom<ShownValue>(...there, 'nothing', 7)
    const text = value.map(String)
    const not = fc.constantFrom('', '', '', 'NOT ')
    const name = `${type}:${path}`
    const plain = fc
      .tuple(not, fc.constantFrom('=', '=', '!=', '<', '<=', '>', '>='), value)
      .map(([no, operator, v]) => `${name} ${no}${operator} ${literal(v)}`)
    const one = fc
      .tuple(not, fc.array(text, { minLength: 1, maxLength: 3 }))
      .map(([no, all]) => `${name} ${no}IN (${all.map(quote).join(', ')})`)
    const like = fc.tuple(not, text.chain(aLike)).map(([no, v]) => `${name} ${no}LIKE ${quote(v)}`)
    const matches = fc.tuple(not, text.chain(aRegex)).map(([no, v]) => `${name} ${no}MATCHES ${quote(v)}`)
    const subset = fc
      .tuple(not, fc.constantFrom('8.8.0.0/16', '10.0.0.0/9', '9.0.0.0/8', '8.8.8.8/32'))
      .map(([no, v]) => `${name} ${no}ISSUBSET ${quote(v)}`)
    return type === 'ipv4-addr' ? fc.oneof(plain, one, like, subset) : fc.oneof(plain, one, like, matches)
  })

const aTest = (type: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 2, arbitrary: aComparison(type) },
    { weight: 2, arbitrary: fc.tuple(aComparison(type), aComparison(type)).map((both) => both.join(' AND ')) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(aComparison(type), aComparison(type), aComparison(type))
        .map(([a, b, c]) => `(${a} OR ${b}) AND ${c}`),
    },
  )
const anObservation = fc
  .array(fc.constantFrom(...Object.keys(paths)).chain(aTest), { minLength: 1, maxLength: 2 })
  .map((tests) => `[${tests.join(' OR ')}]`)
const aPattern = fc
  .tuple(
    fc.array(anObservation, { minLength: 1, maxLength: 2 }),
    fc.constantFrom('', '', ' WITHIN 5 SECONDS', 'window'),
  )
  .map(([all, qualifier]) => {
    if (qualifier !== 'window') return `(${all.join(' OR ')})${qualifier}`
    return `(${all.join(' OR ')}) START t'2026-03-01T09:00:01Z' STOP t'2026-03-01T09:00:02Z'`
  })

describe.skipIf(!python)('patterns, judged by stix2-matcher (needs `npm run engines`)', () => {
  it('are met by the events that it finds them in', () => {
    const patterns = fc
      .sample(aPattern, { seed: 42, numRuns: 4_000 })
      // Those that anybody's event may meet are not compared.
      .filter((text) => compilePattern(parsePattern(text)).ok)
    expect(patterns.length).toBeGreaterThan(600)
    const input = JSON.stringify({ observations: observations.map(bundleOf), patterns })
    const said = execFileSync(python!, [script], { input, encoding: 'utf8', maxBuffer: 1 << 26 })
    const ours = patterns.map((value) => {
      const index = new PatternIndex()
      index.change({ type: 'pattern', value, opinions: [aLiveOpinion()] }, 1)
      return observations.flatMap((each, at) => (index.find(each, START).length > 0 ? [at] : []))
    })
    const theirs = JSON.parse(said) as number[][]
    expect(theirs.filter((found) => found.length > 0).length).toBeGreaterThan(100)
    expect(patterns.map((pattern, at) => ({ pattern, met: ours[at] }))).toEqual(
      patterns.map((pattern, at) => ({ pattern, met: theirs[at] })),
    )
  }, 180_000)
})
