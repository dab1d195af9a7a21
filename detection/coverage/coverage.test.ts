import { describe, expect, test } from 'vitest'
import { rulesOf } from '../testing/builders.ts'
import { tactics, techniques } from './attack.ts'
import { coverageOf } from './coverage.ts'
import { coverageSvg } from './coverage-svg.ts'

const rule = (id: string, logsource: string, technique: string) =>
  `title: ${id}\nid: ${id}\nlogsource: {${logsource}}\ntags: [attack.execution, attack.${technique}]\ndetection: {s: {a: 1}, condition: s}\n`
const chain = `title: Chain
id: chain
tags: [attack.t1486]
correlation: {type: temporal, rules: [ssh, sysmon], group-by: [host], timespan: 1m}
`
const documents = rulesOf(
  rule('ssh', 'product: linux, service: sshd', 't1110.001'),
  rule('sysmon', 'product: windows, category: process_creation', 't1059.001'),
  rule('dns', 'product: windows, category: dns_query', 't1071.004'),
  rule('new', 'category: proxy', 't1999'),
  chain,
)
const ssh = { logsource: { product: 'linux', service: 'sshd' }, events: 5 }
const created = {
  logsource: { product: 'windows' },
  windows: { channel: 'microsoft-windows-sysmon/operational', eventId: '1' },
  events: 7,
}

describe('coverage', () => {
  const cellOf = (coverage: ReturnType<typeof coverageOf>, id: string) =>
    coverage.tactics.flatMap(({ techniques }) => techniques).find((cell) => cell.id === id)

  test('is of rules whose log sources deliver, of correlations whose rules all do', () => {
    const some = coverageOf(documents, [ssh])
    expect(cellOf(some, 'T1110')).toMatchObject({ state: 'covered', subTechniques: ['T1110.001'], missing: [] })
    expect(cellOf(some, 'T1059')).toMatchObject({ state: 'no_events', missing: ['windows/process_creation'] })
    expect(cellOf(some, 'T1486')).toMatchObject({ state: 'no_events', rules: 1, delivered: 0 })
    expect(cellOf(some, 'T1003')).toMatchObject({ state: 'none', rules: 0 })
    expect(some.gaps).toEqual([
      { logsource: 'windows/process_creation', rules: 2, techniques: ['T1059', 'T1486'] },
      { logsource: '/proxy', rules: 1, techniques: ['T1999'] },
      { logsource: 'windows/dns_query', rules: 1, techniques: ['T1071'] },
    ])
    expect(some.others).toEqual([{ id: 'T1999', rules: 1 }])
    const more = coverageOf(documents, [ssh, created])
    expect(cellOf(more, 'T1486')).toMatchObject({ state: 'covered' })
    expect(more.summary).toMatchObject({ rules: 5, covered: 3, no_events: 1 })
  })

  test('does not take events of which nothing is known for a source', () => {
    expect(coverageOf(documents, [{ logsource: {}, events: 100 }]).summary.covered).toBe(0)
  })

  test('counts every rule where it is not known what comes', () => {
    expect(coverageOf(documents, undefined).summary).toMatchObject({ covered: 4, no_events: 0 })
  })

  test('knows a tactic for each technique', () => {
    const known = new Set(tactics.map(({ id }) => id))
    for (const [id, [name, ...of]] of Object.entries(techniques)) {
      expect(id).toMatch(/^T\d{4}$/)
      expect(name.length).toBeGreaterThan(3)
      expect(of.length).toBeGreaterThan(0)
      expect(of.every((tactic) => known.has(tactic))).toBe(true)
    }
  })

  test('as a picture is well-formed, whatever rules call their sources', () => {
    const hostile = rulesOf(rule('x', 'product: "<script>&\\u0001", service: "]]>"', 't1003'))
    const svg = coverageSvg(coverageOf(hostile, []))
    expect(svg).toContain('missing: &lt;script&gt;&amp;')
    expect(svg).not.toContain('<script')
    expect(svg).not.toContain('\u0001')
    expect(svg.match(/<g>/g)?.length).toBe(svg.match(/<\/g>/g)?.length)
  })
})
