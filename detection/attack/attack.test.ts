import { describe, expect, test } from 'vitest'
import { currentId, findFormer, parentOf, tactics, techniques } from './attack.ts'
import { misfitOfTactic, tagProblem } from './tag-problem.ts'

describe('ATT&CK', () => {
  test('has every technique and sub-technique of Enterprise 19.2', () => {
    const subs = [...techniques.keys()].filter((id) => id.includes('.'))
    expect([techniques.size, subs.length, tactics.length]).toEqual([697, 475, 15])
    expect(techniques.get('T1059.001')).toMatchObject({
      name: 'PowerShell',
      tactics: ['execution'],
      platforms: ['Windows'],
    })
    expect(techniques.get('T1611')).toMatchObject({ name: 'Escape to Host', tactics: ['privilege-escalation'] })
    expect(techniques.get('T1003.001')?.components).toContain('Process Access')
    expect(techniques.get('T1003.001')?.logSources).toContain('WinEventLog:Sysmon')
  })

  test('knows the tactics of each technique, the parent of each sub-technique, and what is no more', () => {
    const known = new Set(tactics.map(({ id }) => id))
    for (const [id, technique] of techniques) {
      expect(id).toMatch(/^T\d{4}(\.\d{3})?$/)
      expect(technique.tactics.length).toBeGreaterThan(0)
      expect(technique.tactics.every((tactic) => known.has(tactic))).toBe(true)
      expect(techniques.has(parentOf(id))).toBe(true)
      expect(findFormer(id)).toBeUndefined()
    }
    // Along the chain: T1089 became T1562.001, and that T1685.
    expect(currentId('T1089')).toBe('T1685')
    expect(techniques.has(currentId('T1562.008'))).toBe(true)
    expect(currentId('T1059')).toBe('T1059')
    expect(findFormer('constructor')).toBeUndefined()
  })
})

describe('a tag', () => {
  test.each([
    [
      'attack.t1562.001',
      '`attack.t1562.001` (Disable or Modify Tools) is revoked in ATT&CK 19.2; use `attack.t1685` (Disable or Modify Tools)',
    ],
    ['attack.t1064', '`attack.t1064` (Scripting) is deprecated in ATT&CK 19.2, and nothing took its place'],
    ['attack.T9999', '`attack.T9999` is no technique of ATT&CK 19.2'],
    ['attack.t10599', '`attack.t10599` is no technique of ATT&CK 19.2'],
    [
      'attack.defense_evasion',
      '`attack.defense_evasion` is no tactic of ATT&CK 19.2 any more; use `attack.stealth` or `attack.defense-impairment`',
    ],
    ['attack.persistance', '`attack.persistance` is no tactic of ATT&CK 19.2; did you mean `attack.persistence`?'],
  ])('%s is told', (tag, problem) => {
    expect(tagProblem(tag)).toBe(problem)
  })

  test.each([
    'attack.t1059',
    'attack.T1059.001',
    'attack.credential_access',
    'attack.g0016',
    'attack.s0002',
    'cve.2021-44228',
    'tlp.green',
  ])('%s is right, or not ours to judge', (tag) => {
    expect(tagProblem(tag)).toBeUndefined()
  })

  test('a tactic that none of the techniques has is told, and one is enough', () => {
    const tags = ['attack.execution', 'attack.credential_access', 'attack.t1003.001', 'attack.s0002']
    expect(misfitOfTactic('attack.execution', tags)).toBe(
      "none of the rule's techniques has the tactic `attack.execution`; theirs are `attack.credential-access`",
    )
    expect(misfitOfTactic('attack.credential_access', tags)).toBeUndefined()
    expect(misfitOfTactic('attack.execution', [...tags, 'attack.t1059'])).toBeUndefined()
    expect(misfitOfTactic('attack.execution', ['attack.execution'])).toBeUndefined()
  })
})
