import { HOOK_BODY_BYTES, HOOK_BODY_BYTES_MAX, RUN_TIMEOUT_MS_MAX, TRIGGERS_MAX } from '../limits.ts'
import { type AlertChangeKind, alertChangeKinds } from '../types.ts'
import type { InputSpec, Template, Trigger } from './document.ts'
import { hint } from './hint.ts'
import { badValue, valueTypeOf } from './input-value.ts'
import { type Keys, NO_VAULT, NOT_YET, notYet, type Reader, type Site } from './reader.ts'
import type { SourceEntry, SourceNode } from './source.ts'

export const ID = /^[a-z][a-z0-9_-]{0,63}$/
export const ID_WORDS = 'small letters, digits, _ and -, beginning with a letter'
const HOOK_PATH = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const LATER_CHANGES = ['grouped', 'closed']

const TRIGGER_KEYS: Keys = {
  what: 'a trigger',
  required: ['id'],
  optional: ['alert', 'webhook', 'manual', 'throttle', 'inputs'],
  unsupported: notYet('incident', 'indicator', 'schedule', 'email', 'run'),
}
const KINDS = ['alert', 'webhook', 'manual'] as const

export function parseTriggers(
  reader: Reader,
  node: SourceNode | undefined,
  specs: readonly InputSpec[],
): readonly Trigger[] {
  const triggers: Trigger[] = []
  const seen = new Set<string>()
  for (const [index, item] of reader.list(node, 'triggers', TRIGGERS_MAX).entries()) {
    const keys = reader.map(item, TRIGGER_KEYS)
    if (!keys) continue
    const id = reader.name(keys.get('id')?.value, 'the trigger id', ID, ID_WORDS)
    if (id !== undefined && seen.has(id)) reader.problems.error('P003', item, `two triggers are called \`${id}\``)
    if (id !== undefined) seen.add(id)
    const trigger = parseTrigger(reader, id ?? '', item, keys, specs, { kind: 'trigger', trigger: index })
    // An unreadable trigger keeps its place, so that expressions found later point at the right one.
    triggers.push(trigger ?? { kind: 'manual', id: id ?? '', inputs: [] })
  }
  return triggers
}

function parseTrigger(
  reader: Reader,
  id: string,
  node: SourceNode,
  keys: ReadonlyMap<string, SourceEntry>,
  specs: readonly InputSpec[],
  site: Site,
): Trigger | undefined {
  const kinds = KINDS.filter((kind) => keys.has(kind))
  const [kind] = kinds
  const refused = node.kind === 'map' && node.entries.some((entry) => TRIGGER_KEYS.unsupported?.[entry.key])
  if (!kind) {
    if (!refused) reader.problems.error('P003', node, `a trigger needs one of ${KINDS.join(', ')}`)
    return undefined
  }
  if (kinds.length > 1) reader.problems.error('P003', node, `a trigger has one kind, not ${kinds.join(' and ')}`)
  const value = keys.get(kind)?.value
  if (!value) return undefined
  if (kind === 'manual') return parseManual(reader, id, keys, value)
  const base = {
    id,
    inputs: parseTriggerInputs(reader, keys.get('inputs')?.value ?? node, keys.has('inputs'), specs, site),
    ...parseThrottle(reader, keys.get('throttle')?.value, site),
  }
  switch (kind) {
    case 'alert':
      return parseAlert(reader, base, value, site)
    case 'webhook':
      return parseWebhook(reader, base, value, site)
  }
}

type Base = Pick<Trigger, 'id' | 'inputs' | 'throttle'>

function parseAlert(reader: Reader, base: Base, node: SourceNode, site: Site): Trigger | undefined {
  const keys = reader.map(node, { what: '`alert`', required: ['on'], optional: ['where'] })
  if (!keys) return undefined
  const on: AlertChangeKind[] = []
  for (const item of reader.list(keys.get('on')?.value, '`on`', 10)) {
    if (item.kind === 'scalar' && typeof item.value === 'string' && LATER_CHANGES.includes(item.value)) {
      reader.refuse(`on: ${item.value}`, item, NOT_YET)
      continue
    }
    const change = reader.oneOf(item, 'a change of `on`', alertChangeKinds)
    if (change) on.push(change)
  }
  const where = reader.expression(keys.get('where')?.value, '`where`', site, 'bool')
  return { kind: 'alert', ...base, on, ...(where === undefined ? {} : { where }) }
}

function parseWebhook(reader: Reader, base: Base, node: SourceNode, site: Site): Trigger | undefined {
  const keys = reader.map(node, {
    what: '`webhook`',
    required: ['path', 'auth'],
    optional: ['dedup', 'max_body'],
    unsupported: notYet('allow_from'),
  })
  if (!keys) return undefined
  const path = reader.name(keys.get('path')?.value, 'the path', HOOK_PATH, 'letters, digits, `.`, `_` and `-`')
  parseAuth(reader, keys.get('auth')?.value)
  const dedup = reader.expression(keys.get('dedup')?.value, '`dedup`', site, 'string')
  const bodyBytesMax = parseSize(reader, keys.get('max_body')?.value) ?? HOOK_BODY_BYTES
  if (path === undefined) return undefined
  return { kind: 'webhook', ...base, path, bodyBytesMax, ...(dedup === undefined ? {} : { dedup }) }
}

/** `token`, or a map whose one key names another way. */
function parseAuth(reader: Reader, node: SourceNode | undefined): void {
  if (!node) return
  const word = node.kind === 'map' ? node.entries[0]?.key : node.kind === 'scalar' ? node.value : undefined
  if (word === 'hmac') reader.refuse('hmac', node, `${NO_VAULT}: its secret lives there`)
  else if (word === 'mtls') reader.refuse('mtls', node, NOT_YET)
  else if (word === 'none')
    reader.problems.error('P013', node, 'a webhook without authentication is refused; use `auth: token`')
  else if (word !== 'token' || node.kind !== 'scalar') reader.problems.error('P013', node, '`auth` must be token')
}

function parseSize(reader: Reader, node: SourceNode | undefined): number | undefined {
  if (!node) return undefined
  const text = node.kind === 'scalar' ? String(node.value) : ''
  const match = /^([0-9]{1,6})(KiB|KB)?$/.exec(text)
  const bytes = match ? Number(match[1]) * (match[2] === 'KiB' ? 1024 : match[2] === 'KB' ? 1000 : 1) : 0
  if (bytes > 0 && bytes <= HOOK_BODY_BYTES_MAX) return bytes
  reader.problems.error(
    'P013',
    node,
    `\`max_body\` must be a size such as 64KiB, at most ${HOOK_BODY_BYTES_MAX / 1024}KiB`,
  )
  return undefined
}

function parseManual(
  reader: Reader,
  id: string,
  keys: ReadonlyMap<string, SourceEntry>,
  node: SourceNode,
): Trigger | undefined {
  for (const key of ['inputs', 'throttle']) {
    const entry = keys.get(key)
    if (entry)
      reader.problems.error('P002', entry.keyPlace, `a manual trigger takes no \`${key}\`: who starts it gives them`)
  }
  return (
    reader.map(node, { what: '`manual`', unsupported: notYet('on', 'roles') }) && { kind: 'manual', id, inputs: [] }
  )
}

function parseThrottle(reader: Reader, node: SourceNode | undefined, site: Site): Pick<Trigger, 'throttle'> {
  const keys = node && reader.map(node, { what: '`throttle`', required: ['key', 'per'] })
  if (!keys) return {}
  const key = reader.expression(keys.get('key')?.value, '`key`', site, 'dyn')
  const perMs = reader.duration(keys.get('per')?.value, '`per`', RUN_TIMEOUT_MS_MAX)
  return key === undefined || perMs === undefined ? {} : { throttle: { key, perMs } }
}

/** What a trigger gives the run, checked against what the playbook takes. */
function parseTriggerInputs(
  reader: Reader,
  node: SourceNode,
  given: boolean,
  specs: readonly InputSpec[],
  site: Site,
): readonly (readonly [string, Template])[] {
  const entries = given ? reader.entries(node, '`inputs` of a trigger') : []
  const inputs: (readonly [string, Template])[] = []
  for (const { key, keyPlace, value } of entries) {
    const spec = specs.find((candidate) => candidate.name === key)
    if (!spec) {
      const near = hint(
        key,
        specs.map((candidate) => candidate.name),
      )
      reader.problems.error('P013', keyPlace, `the playbook has no input \`${key}\`${near}`)
      continue
    }
    const template = reader.template(value, `the input \`${key}\``, site, valueTypeOf(spec))
    const problem = template?.kind === 'literal' ? badValue(template.value, spec) : undefined
    if (problem) reader.problems.error('P013', value, `the input \`${key}\` ${problem}`)
    if (template) inputs.push([key, template])
  }
  for (const spec of specs) {
    if (!spec.required || spec.default !== undefined || entries.some((entry) => entry.key === spec.name)) continue
    reader.problems.error('P013', node, `the trigger gives no input \`${spec.name}\`, which is required`)
  }
  return inputs
}
