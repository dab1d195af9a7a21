import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isClosed, requireMove } from './alert-state.ts'
import { alertStates, verdicts } from './types.ts'

/** Every move there is, written out a second time: from, to, and whether it closes. */
const LISTED = [
  ['new', 'in_progress'],
  ['in_progress', 'resolved'],
  ['resolved', 'archived'],
  ['new', 'suppressed'],
  ['in_progress', 'suppressed'],
  ['resolved', 'new'],
]

describe('the moves of an alert', () => {
  it('are the listed ones and no other, each with any verdict', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...alertStates),
        fc.constantFrom(...alertStates),
        fc.constantFrom(...verdicts),
        (from, to, verdict) => {
          const listed = from === to || LISTED.some(([a, b]) => a === from && b === to)
          const move = () => requireMove({ from, to, verdict })
          if (listed) expect(move).not.toThrow()
          else expect(move).toThrow(expect.objectContaining({ code: 'cases.alert.wrongMove', status: 409 }))
        },
      ),
    )
  })

  it('that close need a verdict', () => {
    expect(() => requireMove({ from: 'in_progress', to: 'resolved', verdict: undefined })).toThrow(
      expect.objectContaining({ code: 'cases.alert.verdictMissing', status: 409 }),
    )
    expect(() => requireMove({ from: 'new', to: 'in_progress', verdict: undefined })).not.toThrow()
  })

  it('say which are allowed', () => {
    expect(() => requireMove({ from: 'new', to: 'resolved', verdict: 'benign' })).toThrow(
      'from here it can become `in_progress` or `suppressed`',
    )
    expect(() => requireMove({ from: 'archived', to: 'new', verdict: undefined })).toThrow('from here it stays')
  })

  it('end in two closed states', () => {
    expect(alertStates.filter(isClosed)).toEqual(['resolved', 'archived'])
  })
})
