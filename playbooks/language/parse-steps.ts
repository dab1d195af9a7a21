import type { ActionSpec, ActionSpecs } from '../actions/spec.ts'
import {
  APPROVAL_EXPIRES_MS,
  ATTEMPT_TIMEOUT_MS,
  ATTEMPT_TIMEOUT_MS_MAX,
  ATTEMPTS_MAX,
  RETRY_DELAY_MS_MAX,
  RUN_TIMEOUT_MS_MAX,
  STEPS_MAX,
} from '../limits.ts'
import { type FailureCode, failureCodes } from '../types.ts'
import type { Retry, Step, StepWork, Template } from './document.ts'
import { hint } from './hint.ts'
import { type Keys, NOT_YET, notYet, type Reader, type Site } from './reader.ts'
import type { SourceEntry, SourceMap, SourceNode } from './source.ts'

/** What `defaults:` says for every step. */
export interface Defaults {
  readonly retry: Retry
  readonly timeoutMs: number
}

const STEP_ID = /^[a-z][a-z0-9_]{0,63}$/
const KINDS = ['action', 'set', 'approval', 'wait', 'stop'] as const
type Kind = (typeof KINDS)[number]
const LATER_KINDS = ['parallel', 'foreach', 'repeat', 'switch', 'call', 'undo', 'fail']

const STEP_KEYS: Keys = {
  what: 'a step',
  required: ['id'],
  optional: [...KINDS, 'needs', 'if', 'timeout', 'with', 'retry', 'on_error'],
  unsupported: notYet(
    ...LATER_KINDS,
    'do',
    'yield',
    'on_unknown',
    'idempotency_key',
    'compensate',
    'concurrency',
    'mask',
  ),
}
/** Keys that only some kinds of step take. */
const KEYS_OF_ACTIONS = ['with', 'retry', 'on_error'] as const

/** Codes that a later attempt may change. auth and forbidden are not among them: repeating those locks accounts. */
const RETRIED: readonly FailureCode[] = ['timeout', 'network', 'rate_limited', 'unavailable']
const NEVER_RETRIED: readonly FailureCode[] = [
  'auth',
  'forbidden',
  'cancelled',
  'rejected',
  'expired',
  'stalled',
  'poisoned',
]

const DEFAULTS: Defaults = {
  retry: {
    max: 3,
    backoff: 'exponential',
    initialMs: 1000,
    factor: 2,
    maxDelayMs: 300_000,
    jitter: 0.2,
    on: RETRIED,
  },
  timeoutMs: ATTEMPT_TIMEOUT_MS,
}

export function parseDefaults(reader: Reader, node: SourceNode | undefined): Defaults {
  const keys =
    node && reader.map(node, { what: '`defaults`', optional: ['retry', 'timeout'], unsupported: notYet('connection') })
  if (!keys) return DEFAULTS
  return {
    retry: parseRetry(reader, keys.get('retry')?.value, DEFAULTS.retry),
    timeoutMs: reader.duration(keys.get('timeout')?.value, '`timeout`', ATTEMPT_TIMEOUT_MS_MAX) ?? DEFAULTS.timeoutMs,
  }
}

function parseRetry(reader: Reader, node: SourceNode | undefined, preset: Retry): Retry {
  const keys =
    node &&
    reader.map(node, {
      what: '`retry`',
      required: ['max'],
      optional: ['backoff', 'initial', 'factor', 'max_delay', 'jitter', 'on'],
    })
  if (!keys) return preset
  const at = (key: string) => keys.get(key)?.value
  const on: FailureCode[] = []
  for (const item of reader.list(at('on'), '`on`', failureCodes.length)) {
    const code = reader.oneOf(item, 'a code of `on`', failureCodes)
    if (code && NEVER_RETRIED.includes(code)) {
      reader.problems.error('P013', item, `\`${code}\` is never retried`)
    } else if (code) on.push(code)
  }
  const count = { min: 1, max: ATTEMPTS_MAX, integer: true }
  return {
    max: reader.number(at('max'), '`max`', count) ?? preset.max,
    backoff: reader.oneOf(at('backoff'), '`backoff`', ['fixed', 'linear', 'exponential']) ?? preset.backoff,
    initialMs: reader.duration(at('initial'), '`initial`', RETRY_DELAY_MS_MAX) ?? preset.initialMs,
    factor: reader.number(at('factor'), '`factor`', { min: 1, max: 10 }) ?? preset.factor,
    maxDelayMs: reader.duration(at('max_delay'), '`max_delay`', RETRY_DELAY_MS_MAX) ?? preset.maxDelayMs,
    jitter: reader.number(at('jitter'), '`jitter`', { min: 0, max: 1 }) ?? preset.jitter,
    on: at('on') ? on : preset.on,
  }
}

/** A step as read, with the place of each thing that later checks point at. */
export interface ReadStep {
  readonly step: Step
  readonly node: SourceMap
  readonly needsNode: SourceNode | undefined
  readonly onErrorGiven: boolean
}

export function parseSteps(
  reader: Reader,
  node: SourceNode | undefined,
  defaults: Defaults,
  actions: ActionSpecs,
): readonly ReadStep[] {
  const read: ReadStep[] = []
  const seen = new Set<string>()
  if (node?.kind === 'list' && node.items.length === 0) reader.problems.error('P013', node, '`steps` needs a step')
  for (const item of reader.list(node, '`steps`', STEPS_MAX)) {
    const keys = reader.map(item, STEP_KEYS)
    if (!keys || item.kind !== 'map') continue
    const id = reader.name(
      keys.get('id')?.value,
      'the step id',
      STEP_ID,
      'small letters, digits and _, beginning with a letter',
    )
    if (id === undefined) continue
    if (seen.has(id)) {
      reader.problems.error('P003', keys.get('id')?.value ?? item, `two steps are called \`${id}\``)
      continue
    }
    seen.add(id)
    const before = read.at(-1)?.step.id
    read.push(parseStep(reader, id, item, keys, before, defaults, actions))
  }
  return read
}

function parseStep(
  reader: Reader,
  id: string,
  node: SourceMap,
  keys: ReadonlyMap<string, SourceEntry>,
  before: string | undefined,
  defaults: Defaults,
  actions: ActionSpecs,
): ReadStep {
  const site: Site = { kind: 'step', step: id }
  const kind = kindOf(reader, node, keys)
  const does = kind && parseWork(reader, kind, keys, site, defaults, actions)
  if (kind && kind !== 'action') refuseActionKeys(reader, kind, keys)
  const condition = reader.expression(keys.get('if')?.value, '`if`', site, 'bool', true)
  const timeoutMs = parseTimeout(reader, keys.get('timeout'), kind, defaults)
  const needsNode = keys.get('needs')?.value
  const step: Step = {
    id,
    needs: needsNode ? parseNeeds(reader, needsNode) : before === undefined ? [] : [before],
    ...(condition === undefined ? {} : { if: condition }),
    onError: parseOnError(reader, keys.get('on_error')?.value),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    // A step without a readable kind stands in as one of unknown output; the playbook is refused anyway.
    does: does ?? { kind: 'set', values: { kind: 'expression', text: '{}' } },
  }
  return { step, node, needsNode, onErrorGiven: keys.has('on_error') }
}

function kindOf(reader: Reader, node: SourceMap, keys: ReadonlyMap<string, SourceEntry>): Kind | undefined {
  const kinds = KINDS.filter((kind) => keys.has(kind))
  const later = node.entries.filter((entry) => LATER_KINDS.includes(entry.key))
  if (kinds.length + later.length > 1) {
    const names = [...kinds, ...later.map((entry) => entry.key)]
    reader.problems.error('P003', node, `a step has one kind, not ${names.join(' and ')}`)
  } else if (kinds.length + later.length === 0) {
    reader.problems.error('P003', node, `a step needs one of ${KINDS.join(', ')}`)
  }
  return kinds[0]
}

function refuseActionKeys(reader: Reader, kind: Kind, keys: ReadonlyMap<string, SourceEntry>): void {
  for (const key of KEYS_OF_ACTIONS) {
    const entry = keys.get(key)
    const allowed = key === 'on_error' && (kind === 'wait' || kind === 'approval' || kind === 'set')
    if (entry && !allowed)
      reader.problems.error('P002', entry.keyPlace, `\`${key}\` belongs to actions, not to ${kind}`)
  }
}

function parseTimeout(
  reader: Reader,
  entry: SourceEntry | undefined,
  kind: Kind | undefined,
  defaults: Defaults,
): number | undefined {
  if (kind === 'action') {
    return reader.duration(entry?.value, '`timeout`', ATTEMPT_TIMEOUT_MS_MAX) ?? defaults.timeoutMs
  }
  if (!entry || !kind) return undefined
  if (kind === 'wait') return reader.duration(entry.value, '`timeout`', RUN_TIMEOUT_MS_MAX)
  const instead = kind === 'approval' ? '; an approval has `expires`' : ''
  reader.problems.error('P002', entry.keyPlace, `\`timeout\` belongs to actions and waits, not to ${kind}${instead}`)
  return undefined
}

function parseNeeds(reader: Reader, node: SourceNode): readonly string[] {
  const ids = reader.list(node, '`needs`', STEPS_MAX).map((item) => reader.string(item, 'an id of `needs`'))
  return [...new Set(ids.filter((id) => id !== undefined))]
}

function parseOnError(reader: Reader, node: SourceNode | undefined): 'fail' | 'continue' {
  if (node?.kind === 'map') {
    reader.refuse('on_error: {when, do, then}', node, NOT_YET)
    return 'fail'
  }
  return reader.oneOf(node, '`on_error`', ['fail', 'continue']) ?? 'fail'
}

function parseWork(
  reader: Reader,
  kind: Kind,
  keys: ReadonlyMap<string, SourceEntry>,
  site: Site,
  defaults: Defaults,
  actions: ActionSpecs,
): StepWork | undefined {
  const value = keys.get(kind)?.value
  if (!value) return undefined
  switch (kind) {
    case 'action':
      return parseAction(reader, value, keys, site, defaults, actions)
    case 'set':
      return parseSet(reader, value, site)
    case 'wait':
      return parseWait(reader, value, site)
    case 'approval':
      return parseApproval(reader, value, site)
    case 'stop':
      return parseStop(reader, value, site)
  }
}

function parseAction(
  reader: Reader,
  node: SourceNode,
  keys: ReadonlyMap<string, SourceEntry>,
  site: Site,
  defaults: Defaults,
  actions: ActionSpecs,
): StepWork | undefined {
  const name = reader.string(node, 'the action')
  if (name === undefined) return undefined
  const spec = actions.get(name)
  if (!spec) {
    reader.problems.error('P009', node, `no action is called \`${name.slice(0, 100)}\`${hint(name, actions.keys())}`)
    return undefined
  }
  return {
    kind: 'action',
    action: name,
    with: parseWith(reader, keys.get('with')?.value, node, spec, site),
    retry: parseRetry(reader, keys.get('retry')?.value, defaults.retry),
  }
}

function parseWith(
  reader: Reader,
  node: SourceNode | undefined,
  actionNode: SourceNode,
  spec: ActionSpec,
  site: Site,
): Template {
  const names = Object.keys(spec.parameters)
  const given = node ? reader.entries(node, '`with`') : []
  for (const [name, parameter] of Object.entries(spec.parameters)) {
    if (parameter.required && !given.some((entry) => entry.key === name)) {
      reader.problems.error('P013', node ?? actionNode, `${spec.name} needs \`${name}\`: ${parameter.description}`)
    }
  }
  const entries: (readonly [string, Template])[] = []
  for (const { key, keyPlace, value } of given) {
    const parameter = spec.parameters[key]
    if (key === 'connection') reader.refuse('connection', keyPlace, NOT_YET)
    else if (!parameter) reader.problems.error('P013', keyPlace, `${spec.name} takes no \`${key}\`${hint(key, names)}`)
    else {
      const template = reader.template(value, `\`${key}\``, site, parameter.type)
      if (template?.kind === 'literal' && parameter.enum && !parameter.enum.includes(String(template.value))) {
        const near = hint(String(template.value), parameter.enum)
        reader.problems.error('P013', value, `\`${key}\` must be one of ${parameter.enum.join(', ')}${near}`)
      }
      if (template) entries.push([key, template])
    }
  }
  return { kind: 'map', entries }
}

function parseSet(reader: Reader, node: SourceNode, site: Site): StepWork | undefined {
  if (node.kind !== 'map') {
    reader.problems.error('P013', node, '`set` must be a map')
    return undefined
  }
  const values = reader.template(node, '`set`', site, { map: 'dyn' })
  return values && { kind: 'set', values }
}

function parseWait(reader: Reader, node: SourceNode, site: Site): StepWork | undefined {
  const keys = reader.map(node, {
    what: '`wait`',
    optional: ['for', 'until'],
    unsupported: notYet('event', 'on_timeout'),
  })
  if (!keys) return undefined
  const refused = node.kind === 'map' && node.entries.some((entry) => entry.key === 'event')
  if (!refused && keys.has('for') === keys.has('until')) {
    reader.problems.error('P013', node, '`wait` needs one of `for` and `until`')
    return undefined
  }
  const forNode = keys.get('for')?.value
  const duration = forNode && reader.template(forNode, '`for`', site, 'duration')
  const until = reader.expression(keys.get('until')?.value, '`until`', site, 'timestamp')
  return { kind: 'wait', ...(duration ? { for: duration } : {}), ...(until === undefined ? {} : { until }) }
}

const APPROVER = /^(?:user|role)\/[A-Za-z0-9][A-Za-z0-9+=,.@_-]{0,127}$/

function parseApproval(reader: Reader, node: SourceNode, site: Site): StepWork | undefined {
  const keys = reader.map(node, {
    what: '`approval`',
    required: ['title', 'approvers'],
    optional: ['text', 'show', 'expires', 'on_expiry', 'on_reject'],
    unsupported: notYet('form', 'binds', 'escalate', 'channels'),
  })
  const titleNode = keys?.get('title')?.value
  const approversNode = keys?.get('approvers')?.value
  if (!keys || !titleNode || !approversNode) return undefined
  const approvers = parseApprovers(reader, approversNode)
  const title = reader.template(titleNode, '`title`', site, 'string')
  const textNode = keys.get('text')?.value
  const text = textNode && reader.template(textNode, '`text`', site, 'string')
  const show = reader
    .list(keys.get('show')?.value, '`show`', 50)
    .map((item) => reader.expression(item, 'an expression of `show`', site, 'dyn'))
  if (!approvers || !title) return undefined
  return {
    kind: 'approval',
    title,
    ...(text ? { text } : {}),
    show: show.filter((expression) => expression !== undefined),
    ...approvers,
    expiresMs: reader.duration(keys.get('expires')?.value, '`expires`', RUN_TIMEOUT_MS_MAX) ?? APPROVAL_EXPIRES_MS,
    onExpiry: reader.oneOf(keys.get('on_expiry')?.value, '`on_expiry`', ['reject', 'approve', 'fail']) ?? 'reject',
    onReject: reader.oneOf(keys.get('on_reject')?.value, '`on_reject`', ['fail', 'continue']) ?? 'fail',
  }
}

function parseApprovers(reader: Reader, node: SourceNode) {
  const keys = reader.map(node, {
    what: '`approvers`',
    required: ['any_of'],
    optional: ['count', 'not_initiator', 'mfa'],
  })
  if (!keys) return undefined
  const anyOf: string[] = []
  for (const item of reader.list(keys.get('any_of')?.value, '`any_of`', 100)) {
    const name = reader.string(item, 'an approver')
    if (name === undefined) continue
    const later = ['oncall/', 'owner/'].find((prefix) => name.startsWith(prefix))
    if (later) reader.refuse(`${later}…`, item, NOT_YET)
    else if (APPROVER.test(name)) anyOf.push(name)
    else reader.problems.error('P021', item, `an approver is user/<name> or role/<name>, not \`${name.slice(0, 80)}\``)
  }
  const list = keys.get('any_of')?.value
  if (list?.kind === 'list' && list.items.length === 0) reader.problems.error('P021', list, 'nobody may approve')
  const count = reader.number(keys.get('count')?.value, '`count`', { min: 1, max: 10, integer: true }) ?? 1
  const users = anyOf.every((name) => name.startsWith('user/'))
  if (users && new Set(anyOf).size < count) {
    reader.problems.error(
      'P021',
      node,
      `${count} distinct people must approve and \`any_of\` names ${new Set(anyOf).size}`,
    )
  }
  return {
    anyOf,
    count,
    notInitiator: reader.boolean(keys.get('not_initiator')?.value, '`not_initiator`') ?? true,
    mfa: reader.boolean(keys.get('mfa')?.value, '`mfa`') ?? false,
  }
}

function parseStop(reader: Reader, node: SourceNode, site: Site): StepWork | undefined {
  const keys = reader.map(node, { what: '`stop`', optional: ['status', 'reason'] })
  if (!keys) return undefined
  const reasonNode = keys.get('reason')?.value
  const reason = reasonNode && reader.template(reasonNode, '`reason`', site, 'string')
  return {
    kind: 'stop',
    status: reader.oneOf(keys.get('status')?.value, '`status`', ['succeeded', 'failed']) ?? 'succeeded',
    ...(reason ? { reason } : {}),
  }
}
