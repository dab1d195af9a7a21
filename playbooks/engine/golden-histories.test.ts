import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { HistoryEvent } from './events.ts'
import { fold } from './state.ts'

interface Golden {
  readonly name: string
  readonly version: number
  readonly history: readonly HistoryEvent[]
  readonly state: object
}

/** Histories as each version stored them, and what they mean. They are added to and never edited: a run that waits for
 * 90 days is read by code of 90 days later. */
const golden = JSON.parse(readFileSync(new URL('./golden-histories.json', import.meta.url), 'utf8')) as Golden[]

/** Every type of event, so that one cannot be left out of the golden histories. */
const types: Record<HistoryEvent['event']['type'], true> = {
  'run.created': true,
  'run.started': true,
  'run.cancelled': true,
  'run.timed_out': true,
  'run.finished': true,
  'step.scheduled': true,
  'step.started': true,
  'step.retry_scheduled': true,
  'step.completed': true,
  'step.failed': true,
  'step.skipped': true,
  'step.not_run': true,
  'step.cancelled': true,
  'step.unknown': true,
  'timer.set': true,
  'timer.fired': true,
  'approval.asked': true,
  'approval.decided': true,
  note: true,
}

describe('stored histories stay foldable', () => {
  it.each(golden)('version $version: $name', ({ history, state }) => {
    const folded = fold(history)
    expect(JSON.parse(JSON.stringify({ ...folded, steps: Object.fromEntries(folded.steps) }))).toEqual(state)
  })

  it('of every type of event', () => {
    const seen = new Set(golden.flatMap(({ history }) => history.map(({ event }) => event.type)))
    expect(Object.keys(types).filter((type) => !seen.has(type as never))).toEqual([])
  })
})
