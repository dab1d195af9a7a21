import type { ActionSpecs } from '../actions/spec.ts'
import { RUN_TIMEOUT_MS, RUN_TIMEOUT_MS_MAX } from '../limits.ts'
import type { JsonMap } from '../types.ts'
import type { Playbook } from './document.ts'
import { parseInputs, parseOutputs } from './parse-inputs.ts'
import { parseDefaults, parseSteps, type ReadStep } from './parse-steps.ts'
import { parseTests } from './parse-tests.ts'
import { ID, ID_WORDS, parseTriggers } from './parse-triggers.ts'
import { type Keys, NO_VAULT, notYet, type Reader } from './reader.ts'
import type { SourceEntry, SourceNode } from './source.ts'

const ROLE = /^role\/([A-Za-z0-9][A-Za-z0-9+=,.@_-]{0,127})$/

const TOP_KEYS: Keys = {
  what: 'a playbook',
  required: ['playbook', 'id', 'name', 'run_as', 'permissions', 'steps'],
  optional: [
    'description',
    'labels',
    'owner',
    'version',
    'inputs',
    'vars',
    'triggers',
    'timeout',
    'defaults',
    'outputs',
    'tests',
  ],
  unsupported: { secrets: NO_VAULT, ...notYet('concurrency', 'on_failure') },
}

/** A playbook as read: it may still be wrong in ways that only the whole shows. */
export interface ReadPlaybook {
  readonly playbook: Playbook
  readonly steps: readonly ReadStep[]
  readonly entries: ReadonlyMap<string, SourceEntry>
}

/** Reads the whole document; undefined where too little of it can be read to look further. */
export function parsePlaybook(reader: Reader, node: SourceNode, actions: ActionSpecs): ReadPlaybook | undefined {
  const entries = reader.map(node, TOP_KEYS)
  if (!entries) return undefined
  const at = (key: string) => entries.get(key)?.value
  const version = at('playbook')
  if (version && (version.kind !== 'scalar' || version.value !== 1)) {
    reader.problems.error('P013', version, '`playbook` is the version of the language: 1')
  }
  const defaults = parseDefaults(reader, at('defaults'))
  const inputs = parseInputs(reader, at('inputs'))
  const steps = parseSteps(reader, at('steps'), defaults, actions)
  const texts = ['description', 'owner', 'version'].map((key) => [key, reader.string(at(key), `\`${key}\``)] as const)
  const labels = reader.list(at('labels'), '`labels`', 50).map((item) => reader.string(item, 'a label', 64))
  const playbook: Playbook = {
    playbook: 1,
    id: reader.name(at('id'), 'the id', ID, ID_WORDS) ?? '',
    name: reader.string(at('name'), '`name`', 200) ?? '',
    ...Object.fromEntries(texts.filter(([, text]) => text !== undefined)),
    labels: labels.filter((label) => label !== undefined),
    inputs,
    vars: parseVars(reader, at('vars')),
    triggers: parseTriggers(reader, at('triggers'), inputs),
    runAs: parseRole(reader, at('run_as')),
    permissions: parsePermissions(reader, at('permissions')),
    timeoutMs: reader.duration(at('timeout'), '`timeout`', RUN_TIMEOUT_MS_MAX) ?? RUN_TIMEOUT_MS,
    steps: steps.map((read) => read.step),
    outputs: parseOutputs(reader, at('outputs')),
    tests: parseTests(
      reader,
      at('tests'),
      steps.map((read) => read.step.id),
    ),
  }
  return { playbook, steps, entries }
}

function parseVars(reader: Reader, node: SourceNode | undefined): JsonMap {
  if (!node) return {}
  return Object.fromEntries(reader.entries(node, '`vars`').map(({ key, value }) => [key, reader.value(value)]))
}

function parseRole(reader: Reader, node: SourceNode | undefined): string {
  const text = reader.string(node, '`run_as`')
  if (text === undefined || !node) return ''
  const name = ROLE.exec(text)?.[1]
  if (name === undefined) reader.problems.error('P018', node, '`run_as` must be role/<name>')
  return name ?? ''
}

function parsePermissions(reader: Reader, node: SourceNode | undefined): readonly string[] {
  const names = reader.list(node, '`permissions`', 200).map((item) => reader.string(item, 'a permission', 128))
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}
