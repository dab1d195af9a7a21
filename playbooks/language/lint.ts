import type { Environment } from '@marcbachmann/cel-js'
import type { ActionSpecs } from '../actions/spec.ts'
import { parseExpression, typeOf } from '../expressions/check.ts'
import { formatDuration, parseDurationMs } from '../expressions/duration.ts'
import { createEnvironment } from '../expressions/environment.ts'
import type { References } from '../expressions/references.ts'
import { isAssignable, typeWords } from '../expressions/value-type.ts'
import type { Playbook, Step } from './document.ts'
import { findCycle, longestWay } from './graph.ts'
import { hint } from './hint.ts'
import { parsePlaybook, type ReadPlaybook } from './parse.ts'
import { type Place, type Problem, Problems } from './problem.ts'
import { type FoundExpression, Reader, type Site } from './reader.ts'
import { Scopes } from './scope.ts'
import { findSecretLiterals } from './secret-literals.ts'
import { parseSource, type SourceNode } from './source.ts'

export interface LintResult {
  /** Given when there is no error. */
  readonly playbook?: Playbook
  readonly problems: readonly Problem[]
}

/** Everything that is wrong with a playbook's text, and the playbook where nothing is. Never throws. Whether the role
 * of `run_as` exists and may be passed only the service knows.   @see operations reference 2.5 */
export function lint(text: string, actions: ActionSpecs): LintResult {
  const problems = new Problems(text)
  const node = parseSource(text, problems)
  if (!node) return { problems: problems.list() }
  const reader = new Reader(problems)
  const read = parsePlaybook(reader, node, actions)
  if (read) {
    checkGraph(read, problems)
    checkExpressions(read, reader.expressions, actions, problems)
    checkPermissions(read, actions, problems)
    checkTriggers(read, problems)
    checkWaits(read, problems)
    findSecretLiterals(node, problems)
  }
  const list = problems.list()
  return read && !problems.hasErrors ? { playbook: read.playbook, problems: list } : { problems: list }
}

function checkGraph({ steps, playbook }: ReadPlaybook, problems: Problems): void {
  const ids = new Set(steps.map(({ step }) => step.id))
  for (const { step, needsNode } of steps) {
    for (const id of step.needs) {
      if (needsNode && !ids.has(id)) {
        problems.error('P004', needsNode, `\`needs\` names no step: \`${id.slice(0, 80)}\`${hint(id, ids)}`)
      }
    }
  }
  const cycle = findCycle(playbook.steps)
  const start = steps.find(({ step }) => step.id === cycle?.[0])
  if (cycle && start) {
    problems.error('P005', start.needsNode ?? start.node, `steps wait for each other: ${cycle.join(' -> ')}`)
    return
  }
  const { ancestors } = new Scopes(playbook, new Map())
  const stops = steps.filter(({ step }) => step.does.kind === 'stop' && step.if === undefined)
  for (const { step, node } of steps) {
    const stop = stops.find((candidate) => ancestors.get(step.id)?.has(candidate.step.id))
    if (stop) problems.error('P008', node, `\`${step.id}\` is never reached: \`${stop.step.id}\` always stops the run`)
  }
}

/** Checks each expression in the scope of its place. One environment a scope, made when first needed. */
function checkExpressions(
  read: ReadPlaybook,
  expressions: readonly FoundExpression[],
  actions: ActionSpecs,
  problems: Problems,
): void {
  const scopes = new Scopes(read.playbook, actions)
  const environments = new Map<string, Environment>()
  const environmentOf = (site: Site): Environment => {
    const key = JSON.stringify(site)
    const known = environments.get(key)
    if (known) return known
    const made = createEnvironment(scopes.of(site))
    environments.set(key, made)
    return made
  }
  const conditions = new Map<string, References>()
  const checked = new Map<FoundExpression, References>()
  for (const found of expressions) {
    const parsed = parseExpression(found.text, environmentOf(found.site))
    if (!parsed.ok) {
      const code = parsed.problem.kind === 'forbidden' ? 'P015' : 'P014'
      problems.error(code, placeIn(found, parsed.problem.offset), parsed.problem.message)
      continue
    }
    checked.set(found, parsed.references)
    if (found.condition && found.site.kind === 'step') conditions.set(found.site.step, parsed.references)
  }
  const reads = new StepReads(read, scopes, conditions, problems)
  for (const [found, references] of checked) {
    if (reads.check(found, references)) checkType(found, environmentOf(found.site), problems)
  }
}

function checkType(found: FoundExpression, environment: Environment, problems: Problems): void {
  const result = typeOf(found.text, environment)
  if (!result.ok) {
    problems.error('P014', placeIn(found, result.problem.offset), result.problem.message)
    return
  }
  const { type } = result
  if (type.startsWith('optional')) {
    problems.error('P014', placeIn(found, 0), 'the value may be absent; end the expression with .orValue(…)')
  } else if (found.embedded) {
    if (!EMBEDDABLE.has(type) && !type.startsWith('dyn')) {
      problems.error('P014', placeIn(found, 0), `inside text stand plain values only; write json(…) around this`)
    }
  } else if (!isAssignable(type, found.wanted)) {
    problems.error('P014', placeIn(found, 0), `must be ${typeWords(found.wanted)}, and is ${sayType(type)}`)
  }
}

const EMBEDDABLE = new Set([
  'string',
  'int',
  'double',
  'bool',
  'dyn',
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
])

function sayType(type: string): string {
  if (type.startsWith('$')) return 'an object'
  return type.replace('google.protobuf.Timestamp', 'timestamp').replace('google.protobuf.Duration', 'duration')
}

/** Which steps an expression may read. */
class StepReads {
  readonly #read: ReadPlaybook
  readonly #scopes: Scopes
  readonly #conditions: ReadonlyMap<string, References>
  readonly #problems: Problems
  readonly #steps: ReadonlyMap<string, Step>

  constructor(read: ReadPlaybook, scopes: Scopes, conditions: ReadonlyMap<string, References>, problems: Problems) {
    this.#read = read
    this.#scopes = scopes
    this.#conditions = conditions
    this.#problems = problems
    this.#steps = new Map(read.playbook.steps.map((step) => [step.id, step]))
  }

  /** False where it complained, so that the type checker does not say the same again. */
  check(found: FoundExpression, references: References): boolean {
    const [bare] = references.bareSteps
    if (bare !== undefined) {
      this.#problems.error('P006', placeIn(found, bare), 'write `steps.<id>`; `steps` alone has no value')
      return false
    }
    let fine = true
    for (const stepRead of references.stepReads) {
      const place = placeIn(found, stepRead.start)
      const step = this.#steps.get(stepRead.step)
      if (!step) {
        const near = hint(stepRead.step, this.#steps.keys())
        this.#problems.error('P006', place, `no step is called \`${stepRead.step}\`${near}`)
        fine = false
      } else if (found.site.kind === 'step' && !this.#isBefore(step.id, found.site.step)) {
        this.#problems.error('P006', place, this.#sayNotBefore(step.id, found.site.step))
        fine = false
      } else if (found.site.kind === 'step' && this.#isUnguarded(step, stepRead, references, found.site.step)) {
        const why = step.if === undefined ? 'may have failed' : 'may have been skipped'
        this.#problems.error(
          'P007',
          place,
          `\`${step.id}\` ${why} and then has no output; write steps.${step.id}.?output.….orValue(…) or ask for its status first`,
        )
      }
    }
    return fine
  }

  #isBefore(id: string, reader: string): boolean {
    return this.#scopes.ancestors.get(reader)?.has(id) ?? false
  }

  #sayNotBefore(id: string, reader: string): string {
    if (id === reader) return `\`${id}\` cannot read itself`
    const written = this.#read.steps.findIndex(({ step }) => step.id === id)
    const reading = this.#read.steps.findIndex(({ step }) => step.id === reader)
    if (written > reading) return `\`${id}\` runs after \`${reader}\``
    return `\`${id}\` is not surely finished before \`${reader}\`; add it to its \`needs\``
  }

  #isUnguarded(step: Step, read: References['stepReads'][number], references: References, readerId: string): boolean {
    const mayBeAbsent = step.if !== undefined || step.onError === 'continue'
    if (!mayBeAbsent || read.member !== 'output' || read.guarded) return false
    if (this.#steps.get(readerId)?.if === step.if && step.if !== undefined) return false
    const asks = (candidate: References['stepReads'][number]) =>
      candidate.step === step.id && candidate.member === 'status'
    return !references.stepReads.some(asks) && !this.#conditions.get(readerId)?.stepReads.some(asks)
  }
}

function placeIn(found: FoundExpression, offset: number): Place {
  const { path } = found.place
  return { path, offset: found.textOffset === undefined ? found.place.offset : found.textOffset + offset }
}

function checkPermissions({ playbook, entries }: ReadPlaybook, actions: ActionSpecs, problems: Problems): void {
  const node = entries.get('permissions')?.value
  if (!node) return
  const used = new Set(playbook.steps.flatMap(({ does }) => (does.kind === 'action' ? [does.action] : [])))
  for (const action of used) {
    if (!playbook.permissions.includes(action)) {
      problems.error('P018', node, `\`permissions\` lacks \`${action}\`, which a step uses`)
    }
  }
  for (const item of node.kind === 'list' ? node.items : []) {
    const name = item.kind === 'scalar' ? String(item.value) : ''
    if (!actions.has(name))
      problems.error('P009', item, `no action is called \`${name.slice(0, 100)}\`${hint(name, actions.keys())}`)
    else if (!used.has(name)) problems.warn('P018', item, `\`${name}\` is permitted and never used`)
  }
}

/** Changes of an alert that an action of the playbook itself can cause. */
const SELF_CAUSED = ['updated', 'status_changed']

function checkTriggers({ playbook, entries }: ReadPlaybook, problems: Problems): void {
  const updates = playbook.steps.some(({ does }) => does.kind === 'action' && does.action === 'cases.alert.update')
  const node = entries.get('triggers')?.value
  const paths = new Set<string>()
  for (const [index, trigger] of playbook.triggers.entries()) {
    const place: Place = (node?.kind === 'list' ? node.items[index] : undefined) ?? { path: '/triggers', offset: 0 }
    if (trigger.kind === 'webhook') {
      if (paths.has(trigger.path)) problems.error('P003', place, `two webhooks have the path \`${trigger.path}\``)
      paths.add(trigger.path)
    }
    if (trigger.kind !== 'alert' || !updates || trigger.throttle) continue
    const change = trigger.on.find((candidate) => SELF_CAUSED.includes(candidate))
    if (change) {
      problems.error(
        'P011',
        place,
        `the playbook updates alerts and starts on \`${change}\`: it can start itself for ever; give the trigger a \`throttle\``,
      )
    }
  }
}

function checkWaits({ playbook, entries, steps }: ReadPlaybook, problems: Problems): void {
  if (findCycle(playbook.steps)) return
  const weight = (step: Step): number => {
    if (step.does.kind !== 'wait' || step.if !== undefined) return 0
    const { for: template } = step.does
    const ms = template?.kind === 'literal' ? (parseDurationMs(String(template.value)) ?? 0) : 0
    return Math.min(ms, step.timeoutMs ?? ms)
  }
  const waits = longestWay(playbook.steps, weight)
  if (waits < playbook.timeoutMs) return
  const node: SourceNode | undefined = entries.get('timeout')?.value ?? steps[0]?.node
  if (!node) return
  const limit = formatDuration(playbook.timeoutMs)
  problems.error('P022', node, `the waits alone take ${formatDuration(waits)}, and the run may take ${limit}`)
}
