import { systemClock, uuidv7 } from '../../platform/index.ts'
import type { ActionResult } from '../actions/action.ts'
import type { ActionSpecs } from '../actions/spec.ts'
import { Evaluator } from '../expressions/evaluator.ts'
import { canonicalJson, revisionOf } from '../language/canonical.ts'
import type { Playbook, TestSpec } from '../language/document.ts'
import { readInputs } from '../language/input-value.ts'
import type { Json, JsonMap } from '../types.ts'
import type { Arrival } from './absorb.ts'
import { Advancer, type LoadedPlaybook, loadPlaybook } from './advance.ts'
import { fold, isTerminal, type RunState } from './state.ts'

/** The outcome of one test of a playbook. */
export interface TestOutcome {
  readonly name: string
  /** What was otherwise than expected; empty = passed. */
  readonly failures: readonly string[]
}

/** More turns than any playbook without loops can take. */
const TURNS_MAX = 20_000

/** Runs the `tests` of a playbook: the engine as it is, with the answers of `mock` in place of actions, the decisions of
 * `approvals` in place of people, and waits that are over at once. */
export async function rehearse(playbook: Playbook, actions: ActionSpecs): Promise<readonly TestOutcome[]> {
  const evaluator = new Evaluator()
  const loaded = loadPlaybook(playbook, revisionOf(playbook), actions)
  const advancer = new Advancer(evaluator, actions, () => uuidv7(systemClock))
  try {
    const outcomes: TestOutcome[] = []
    for (const test of playbook.tests) {
      outcomes.push({ name: test.name, failures: await rehearseOne(loaded, advancer, test) })
    }
    return outcomes
  } finally {
    await evaluator.close()
  }
}

async function rehearseOne(loaded: LoadedPlaybook, advancer: Advancer, test: TestSpec): Promise<readonly string[]> {
  const read = readInputs(loaded.playbook.inputs, test.inputs)
  if (!read.ok) return read.problems.map(({ name, message }) => `input \`${name}\` ${message}`)
  let now = systemClock.now()
  const origin = { kind: 'manual', startedBy: 'test' } as const
  let state = fold([{ seq: 1, at: now, event: { type: 'run.created', origin, inputs: read.inputs } }])
  let length = 1
  let arrivals: readonly Arrival[] = []
  const run = { runId: 'test', account: '000000000000', workspace: 'test' }
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const advanced = await advancer.advance(loaded, run, { state, length }, arrivals, now)
    state = advanced.state
    length += advanced.events.length
    if (state.ended) return check(state, test)
    const answered = answers(loaded.playbook, state, test)
    if (typeof answered === 'string') return [answered]
    arrivals = answered
    const dueTimes = [...state.steps.values()].flatMap((step) =>
      step.pending ? [step.pending.dueAt] : step.timer && !step.approval ? [step.timer.dueAt] : [],
    )
    if (dueTimes.length > 0) now = Math.max(now, Math.min(...dueTimes))
  }
  return ['the run did not end']
}

/** What the test says comes from outside now, or what it fails to say. */
function answers(playbook: Playbook, state: RunState, test: TestSpec): readonly Arrival[] | string {
  const arrivals: Arrival[] = []
  for (const { id, does } of playbook.steps) {
    const step = state.steps.get(id)
    if (!step || isTerminal(step)) continue
    if (step.pending && does.kind === 'action') {
      const result = mockedResult(id, test)
      if (!result) return `\`${id}\` calls ${does.action} and has no \`mock\``
      const { attempt, dueAt } = step.pending
      arrivals.push({ kind: 'attempt', step: id, attempt, startedAt: dueAt, result })
    } else if (step.approval) {
      const decided = test.approvals.find((candidate) => candidate.step === id)
      if (!decided) return `\`${id}\` asks for approval and \`approvals\` says nothing of it`
      arrivals.push({ kind: 'decided', step: id, decision: decided.decision, by: ['test'] })
    }
  }
  return arrivals
}

function mockedResult(id: string, test: TestSpec): ActionResult | undefined {
  const mock = test.mocks.find((candidate) => candidate.step === id)
  if (!mock) return undefined
  if (mock.error !== undefined) return { ok: false, error: { code: mock.error, message: 'mocked' } }
  return { ok: true, output: mock.output ?? null }
}

function check(state: RunState, { expect }: TestSpec): readonly string[] {
  const failures: string[] = []
  const { ended } = state
  if (expect.status !== undefined && ended?.status !== expect.status) {
    const why = ended?.error ? `: ${ended.error.code}: ${ended.error.message}` : ''
    failures.push(`the run ${ended?.status}${why}; expected ${expect.status}`)
  }
  const ran = (id: string) => ['succeeded', 'failed'].includes(state.steps.get(id)?.status ?? '')
  for (const id of expect.ran) if (!ran(id)) failures.push(`\`${id}\` did not run: ${state.steps.get(id)?.status}`)
  for (const id of expect.notRan) if (ran(id)) failures.push(`\`${id}\` ran: ${state.steps.get(id)?.status}`)
  for (const [name, value] of Object.entries(expect.outputs ?? {})) {
    failures.push(...differences(`output \`${name}\``, ended?.outputs?.[name], value))
  }
  for (const { step, with: wanted } of expect.calls) {
    const input: JsonMap = state.steps.get(step)?.input ?? {}
    for (const [name, value] of Object.entries(wanted)) {
      failures.push(...differences(`\`${step}\` got \`${name}\``, input[name], value))
    }
  }
  return failures
}

function differences(what: string, found: Json | undefined, wanted: Json): readonly string[] {
  const [left, right] = [canonicalJson(found ?? null), canonicalJson(wanted)]
  return left === right ? [] : [`${what} = ${left.slice(0, 200)}; expected ${right.slice(0, 200)}`]
}
