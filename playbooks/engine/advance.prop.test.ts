import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { actionSpecs } from '../actions/catalogue.ts'
import { Evaluator } from '../expressions/evaluator.ts'
import { revisionOf } from '../language/canonical.ts'
import type { Playbook } from '../language/document.ts'
import { lint } from '../language/lint.ts'
import { type FailureCode, failureCodes } from '../types.ts'
import type { Arrival } from './absorb.ts'
import { Advancer, loadPlaybook } from './advance.ts'
import type { HistoryEvent } from './events.ts'
import { fold, isTerminal, type RunState } from './state.ts'

/** A step of a random playbook. */
interface RandomStep {
  readonly needs: readonly number[]
  readonly kind: 'action' | 'set' | 'wait' | 'approval' | 'stop'
  readonly condition: boolean | undefined
  readonly onError: 'fail' | 'continue'
  readonly retryMax: number
}

const randomSteps = fc.array(
  fc.record({
    needs: fc.uniqueArray(fc.nat(11), { maxLength: 3 }),
    kind: fc.constantFrom('action', 'action', 'set', 'wait', 'approval', 'stop'),
    condition: fc.option(fc.boolean(), { nil: undefined }),
    onError: fc.constantFrom('fail', 'continue'),
    retryMax: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 1, maxLength: 12 },
) as fc.Arbitrary<readonly RandomStep[]>

/** What the world does, one word a turn. */
const randomWorld = fc.array(
  fc.constantFrom('ok', 'ok', 'ok', 'lost', 'reject', 'approve', 'cancel', 'hour', ...failureCodes),
  { minLength: 1, maxLength: 60 },
)

function textOf(steps: readonly RandomStep[]): string {
  const linesOf = (step: RandomStep, index: number): readonly string[] => {
    const needs = step.needs.filter((need) => need < index).map((need) => `s${need}`)
    // An unconditional stop makes what follows unreachable, which the linter refuses.
    const condition = step.kind === 'stop' ? (step.condition ?? true) : step.condition
    const head = [
      `  - id: s${index}`,
      `    needs: [${needs.join(', ')}]`,
      ...(condition === undefined ? [] : [`    if: "${condition}"`]),
      ...(step.kind === 'stop' ? [] : [`    on_error: ${step.onError}`]),
    ]
    switch (step.kind) {
      case 'action':
        return [
          ...head,
          '    action: notify.log',
          '    with: {message: hi}',
          `    retry: {max: ${step.retryMax}, initial: 1s}`,
        ]
      case 'set':
        return [...head, `    set: {n: '\${{ size(run.id) }}'}`]
      case 'wait':
        return [...head, '    wait: {for: 10m}']
      case 'approval':
        return [...head, '    approval: {title: Well?, approvers: {any_of: [user/bo]}}']
      case 'stop':
        return [...head, '    stop: {status: failed}']
    }
  }
  const lines = steps.map(linesOf)
  const permissions = steps.some((step) => step.kind === 'action') ? 'notify.log' : ''
  return `playbook: 1\nid: random\nname: Random\nrun_as: role/r\npermissions: [${permissions}]\ntimeout: 5d\nsteps:\n${lines.flat().join('\n')}\n`
}

const evaluator = new Evaluator()
afterAll(() => evaluator.close())

/** What comes from outside at this turn. */
function arrivalsOf(word: string, playbook: Playbook, state: RunState): readonly Arrival[] {
  if (word === 'cancel') return [{ kind: 'cancel', by: 'somebody' }]
  if (word === 'hour') return []
  for (const { id } of playbook.steps) {
    const step = state.steps.get(id)
    if (!step || isTerminal(step)) continue
    if (step.approval && (word === 'approve' || word === 'reject')) {
      return [{ kind: 'decided', step: id, decision: word, by: ['bo'] }]
    }
    if (!step.pending) continue
    const { attempt, dueAt } = step.pending
    if (word === 'lost') return [{ kind: 'lost', step: id, attempt, startedAt: dueAt }]
    const code = failureCodes.find((known) => known === word)
    const result = code
      ? ({ ok: false, error: { code: code satisfies FailureCode, message: word } } as const)
      : ({ ok: true, output: { message: 'hi', level: 'info' } } as const)
    return [{ kind: 'attempt', step: id, attempt, startedAt: dueAt, result }]
  }
  return []
}

describe('any playbook in any world', () => {
  it('ends, with every step at an end, and its state is the fold of its history', async () => {
    await fc.assert(
      fc.asyncProperty(randomSteps, randomWorld, async (steps, world) => {
        const { playbook, problems } = lint(textOf(steps), actionSpecs)
        if (!playbook) throw new Error(JSON.stringify(problems))
        const loaded = loadPlaybook(playbook, revisionOf(playbook), actionSpecs)
        const advancer = new Advancer(evaluator, actionSpecs, () => 'approval')
        let now = 1_800_000_000_000
        const history: HistoryEvent[] = [
          {
            seq: 1,
            at: now,
            event: { type: 'run.created', origin: { kind: 'manual', startedBy: 'me' }, inputs: {} },
          },
        ]
        let state = fold(history)
        let arrivals: readonly Arrival[] = []
        // Once the random words are used up the world is kind, so that every run must end.
        for (let turn = 0; !state.ended; turn += 1) {
          expect(turn).toBeLessThan(1000)
          const run = { runId: 'run', account: '1', workspace: 'w' }
          const advanced = await advancer.advance(loaded, run, { state, length: history.length }, arrivals, now)
          state = advanced.state
          history.push(...(JSON.parse(JSON.stringify(advanced.events)) as HistoryEvent[]))
          expect(state.ended === undefined).toBe(advanced.wakeAt !== undefined)
          if (advanced.wakeAt !== undefined) expect(['running', 'waiting']).toContain(advanced.status)
          const word = world[turn] ?? (turn % 2 ? 'ok' : 'hour')
          arrivals = state.ended ? [] : arrivalsOf(word, playbook, state)
          now += word === 'hour' ? 3_600_000 : 1000
        }
        for (const { id } of playbook.steps) expect(isTerminal(state.steps.get(id)), id).toBe(true)
        expect(history.map((event) => event.seq)).toEqual(history.map((_, index) => index + 1))
        expect(fold(history)).toEqual(state)
      }),
      { numRuns: 300 },
    )
  }, 120_000)
})
