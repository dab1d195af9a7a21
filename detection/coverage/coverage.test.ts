import { describe, expect, test } from 'vitest'
import { rulesOf } from '../testing/builders.ts'
import { coverageOf } from './coverage.ts'
import { coverageSvg } from './coverage-svg.ts'
import { navigatorLayer } from './navigator.ts'
import { logsourceOfPublished } from './published-sources.ts'

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
    expect(cellOf(some, 'T1110')).toMatchObject({ state: 'covered', missing: [] })
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

  test('counts a rule for its sub-technique and for its technique, and one of a revoked technique for what came after', () => {
    const coverage = coverageOf(
      rulesOf(
        rule('a', 'product: linux', 't1059.004'),
        rule('b', 'product: linux', 't1059'),
        rule('old', 'product: linux', 't1562.008'),
      ),
      undefined,
    )
    const shell = cellOf(coverage, 'T1059')
    expect(shell).toMatchObject({ rules: 2, state: 'covered' })
    expect(shell?.subTechniques.find(({ id }) => id === 'T1059.004')).toMatchObject({ rules: 1, state: 'covered' })
    expect(shell?.subTechniques.find(({ id }) => id === 'T1059.001')).toMatchObject({ rules: 0, state: 'none' })
    expect(cellOf(coverage, 'T1685')).toMatchObject({ rules: 1, name: 'Disable or Modify Tools' })
    expect(coverage.others).toEqual([])
    expect(coverage.summary).toMatchObject({ techniques: 222, covered: 2, subTechniques: { total: 475, covered: 2 } })
  })

  test('names the log sources that would show what is not covered, and whether they deliver', () => {
    const { wanted } = coverageOf(documents, [created])
    const sysmon = wanted.find(({ name }) => name === 'WinEventLog:Sysmon')
    expect(sysmon).toMatchObject({ logsource: 'windows//sysmon', delivers: true })
    expect(sysmon?.techniques).toContain('T1003.001')
    expect(sysmon?.techniques).not.toContain('T1059.001')
    expect(wanted.find(({ name }) => name === 'AWS:CloudTrail')).toMatchObject({ delivers: false })
    expect(wanted.find(({ name }) => name === 'esxi:hostd')).not.toHaveProperty('delivers')
  })

  test.each([
    ['WinEventLog:Security', { product: 'windows', service: 'security' }],
    [
      'WinEventLog:Microsoft-Windows-CodeIntegrity/Operational',
      { product: 'windows', service: 'codeintegrity-operational' },
    ],
    ['auditd:EXECVE', { product: 'linux', service: 'auditd' }],
    ['kubernetes:audit', { product: 'kubernetes', service: 'audit' }],
    ['esxi:hostd', undefined],
  ])('MITRE calls a log source %s', (name, logsource) => {
    expect(logsourceOfPublished(name)).toEqual(logsource)
  })

  test('as a layer of the Navigator has a cell in each tactic of a technique that rules look for', () => {
    const layer = navigatorLayer(coverageOf(documents, [ssh]), 'ours')
    expect(layer).toMatchObject({ name: 'ours', domain: 'enterprise-attack', versions: { attack: '19', layer: '4.5' } })
    const cells = layer.techniques.map(({ techniqueID, tactic, score }) => [techniqueID, tactic, score])
    expect(cells).toContainEqual(['T1110', 'credential-access', 1])
    expect(cells).toContainEqual(['T1110.001', 'credential-access', 1])
    expect(cells).toContainEqual(['T1059', 'execution', undefined])
    expect(layer.techniques.every(({ score, color }) => (score === undefined) !== (color === undefined))).toBe(true)
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
