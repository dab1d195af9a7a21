import { nearest } from '../../../platform/base/index.ts'
import { PIPELINE_STEPS_MAX } from '../../limits.ts'
import { type Condition, parseCondition } from '../condition.ts'
import { type MapNode, member, type Node, RuleText, readDocuments } from '../document.ts'
import type { Problem, Reporter } from '../problem.ts'
import { fieldConditions, itemConditions, ruleConditions } from './conditions.ts'
import { fieldTransformations } from './fields.ts'
import { Params } from './params.ts'
import type { Gate, Pipeline, PipelineFile, Step, Transform } from './pipeline.ts'
import { placeholderTransformations } from './placeholders.ts'
import { structureTransformations } from './structure.ts'
import { valueTransformations } from './values.ts'

/** Reads a pipeline as pySigma writes it. Never throws: what is wrong with it is told with line and column.
 * @param name what messages call it where it does not say
 * @see pySigma, Processing Pipelines (YAML) */
export function readPipeline(
  text: string,
  name: string,
): { readonly pipeline: PipelineFile | undefined; readonly problems: readonly Problem[] } {
  const source = new RuleText(text)
  const [document, another] = readDocuments(source)
  const { reporter } = source
  if (another) reporter.error(another.from, 'a file holds one pipeline')
  if (document && document.root.kind !== 'map')
    reporter.error(document.root.at, 'a pipeline is a map with `transformations`')
  if (!document && !source.hasErrors) reporter.error(0, 'the file is empty; a pipeline has `transformations`')
  const pipeline = document?.root.kind === 'map' ? readMap(document.root, name, reporter) : undefined
  return { pipeline: source.hasErrors ? undefined : pipeline, problems: source.problems }
}

/** Files of pipelines as one, in the order of their priorities and, where those are equal, as they are given. */
export function joinPipelines(files: readonly PipelineFile[]): Pipeline | undefined {
  if (files.length === 0) return undefined
  const ordered = [...files].sort((left, right) => left.priority - right.priority)
  return {
    vars: new Map(ordered.flatMap(({ vars }) => [...vars])),
    steps: ordered.flatMap(({ steps }) => steps),
  }
}

const pipelineKeys = ['name', 'priority', 'vars', 'transformations', 'postprocessing', 'finalizers', 'allowed_backends']

function readMap(root: MapNode, fallbackName: string, reporter: Reporter): PipelineFile {
  const params = new Params(root, reporter, pipelineKeys)
  params.done('a pipeline')
  const name = params.optionalText('name') ?? fallbackName
  const priority = member(root, 'priority')?.value
  if (priority && (priority.kind !== 'scalar' || typeof priority.value !== 'number')) {
    reporter.error(priority.at, '`priority` takes a number')
  }
  const vars = new Map<string, readonly string[]>()
  for (const { key, value } of member(root, 'vars') ? params.map('vars') : []) {
    vars.set(key, params.textsOf(value, key))
  }
  return {
    name,
    priority: priority?.kind === 'scalar' && typeof priority.value === 'number' ? priority.value : 0,
    vars,
    steps: readSteps(member(root, 'transformations')?.value, `pipeline \`${name}\``, reporter),
    notApplicable: ['postprocessing', 'finalizers'].flatMap((key) => {
      const value = member(root, key)?.value
      if (value?.kind !== 'list' || value.items.length === 0) return []
      return [`\`${key}\` changes the text of queries; rules are matched without one, so it does not apply`]
    }),
  }
}

function readSteps(node: Node | undefined, of: string, reporter: Reporter): readonly Step[] {
  if (!node || (node.kind === 'scalar' && node.value === null)) return []
  if (node.kind !== 'list') {
    reporter.error(node.at, '`transformations` takes a list')
    return []
  }
  if (node.items.length > PIPELINE_STEPS_MAX) {
    reporter.error(node.at, `a pipeline has at most ${PIPELINE_STEPS_MAX} transformations; split it`)
    return []
  }
  return node.items.flatMap((item, index) => {
    if (item.kind === 'map') return readStep(item, `${of}, transformation ${index + 1}`, reporter)
    reporter.error(item.at, 'a transformation is a map with a `type`')
    return []
  })
}

const transformations: Readonly<Record<string, (params: Params) => Transform>> = {
  ...fieldTransformations,
  ...valueTransformations,
  ...placeholderTransformations,
  ...structureTransformations,
}

/** Known to pySigma, and why they mean nothing here. */
const unusable: Readonly<Record<string, string>> = {
  field_name_transform: 'calls a Python function; write a `field_name_mapping`',
  file_placeholders: 'reads a file whenever it runs; give the values in `vars` or with --placeholders',
  http_placeholders: 'asks another server whenever it runs; give the values in `vars` or with --placeholders',
  command_placeholders: 'runs a program; give the values in `vars` or with --placeholders',
}

const gateKeys = ['rule', 'detection_item', 'field_name'].flatMap((kind) => [
  ...[`${kind}_conditions`, `${kind}_cond_expr`, `${kind}_cond_op`, `${kind}_cond_not`],
])

function readStep(node: MapNode, place: string, reporter: Reporter): readonly Step[] {
  const params = new Params(node, reporter, ['id', 'type', ...gateKeys])
  const type = params.text('type')
  const label = `${place} (${type})`
  const step = (transform: Transform): Step => ({
    id: params.optionalText('id'),
    label,
    transform,
    ofRules: readGate(params, 'rule', ruleConditions),
    ofItems: readGate(params, 'detection_item', itemConditions),
    ofFields: readGate(params, 'field_name', fieldConditions),
  })
  if (type === 'nest') {
    const steps = readSteps(params.entry('items')?.value, label, reporter)
    params.done('`nest`')
    return [step((subject, run) => run.nested(steps, subject))]
  }
  const read = Object.hasOwn(transformations, type) ? transformations[type] : undefined
  if (!read) {
    const at = member(node, 'type')?.value.at ?? node.at
    const reason = Object.hasOwn(unusable, type) ? unusable[type] : undefined
    const meant = nearest(type, Object.keys(transformations))
    if (reason !== undefined) reporter.error(at, `\`${type}\` ${reason}`)
    else if (type !== '')
      reporter.error(at, `no transformation is called \`${type}\`${meant ? `; did you mean \`${meant}\`?` : ''}`)
    return []
  }
  const transform = read(params)
  params.done(`\`${type}\``)
  return [step(transform)]
}

function readGate<Test>(
  params: Params,
  kind: 'rule' | 'detection_item' | 'field_name',
  table: Readonly<Record<string, (params: Params) => Test>>,
): Gate<Test> {
  const entry = params.entry(`${kind}_conditions`)
  const named = new Map<string, Test>()
  const put = (name: string, node: Node): void => {
    const test = readCondition(node, params.reporter, table)
    if (test) named.set(name, test)
  }
  if (entry?.value.kind === 'map') for (const { key, value } of entry.value.entries) put(key, value)
  else if (entry?.value.kind === 'list')
    for (const [index, item] of entry.value.items.entries()) put(String(index), item)
  else if (entry) params.reporter.error(entry.value.at, `\`${kind}_conditions\` takes a list or a map`)
  const negated = params.flag(`${kind}_cond_not`)
  const open = readLinking(params, kind, [...named.keys()])
  return { tests: [...named.values()], decide: (results) => open(results) !== negated }
}

function readLinking(params: Params, kind: string, names: readonly string[]): (results: readonly boolean[]) => boolean {
  const expression = params.entry(`${kind}_cond_expr`)
  const op = params.entry(`${kind}_cond_op`)
  if (expression?.value.kind !== 'scalar') {
    if (expression) params.reporter.error(expression.value.at, `\`${kind}_cond_expr\` takes a text`)
    const word = params.oneOf(`${kind}_cond_op`, ['and', 'or'], 'and')
    return word === 'and' ? (results) => results.every(Boolean) : (results) => results.some(Boolean)
  }
  if (op)
    params.reporter.error(op.keyAt, `\`${kind}_cond_expr\` already says how conditions are linked; leave this out`)
  const { at, text } = expression.value
  const condition = parseCondition({ text, at }, params.reporter)
  if (!condition) return () => false
  const used = new Set<string>()
  const decide = compileLinking(condition, names, used, params.reporter)
  for (const name of names) if (!used.has(name)) params.reporter.error(at, `the expression leaves out \`${name}\``)
  return decide
}

function compileLinking(
  condition: Condition,
  names: readonly string[],
  used: Set<string>,
  reporter: Reporter,
): (results: readonly boolean[]) => boolean {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const of = condition.of.map((part) => compileLinking(part, names, used, reporter))
      if (condition.kind === 'and') return (results) => of.every((part) => part(results))
      return (results) => of.some((part) => part(results))
    }
    case 'not': {
      const of = compileLinking(condition.of, names, used, reporter)
      return (results) => !of(results)
    }
    case 'name': {
      const index = names.indexOf(condition.name)
      if (index < 0)
        reporter.error(condition.at, `the expression names \`${condition.name}\`, and no condition is called that`)
      used.add(condition.name)
      return (results) => results[index] ?? false
    }
    default:
      reporter.error(condition.at, '`of` belongs to the conditions of rules')
      return () => false
  }
}

function readCondition<Test>(
  node: Node,
  reporter: Reporter,
  table: Readonly<Record<string, (params: Params) => Test>>,
): Test | undefined {
  if (node.kind !== 'map') {
    reporter.error(node.at, 'a condition is a map with a `type`')
    return undefined
  }
  const params = new Params(node, reporter, ['type'])
  const type = params.text('type')
  const read = Object.hasOwn(table, type) ? table[type] : undefined
  if (!read) {
    const meant = nearest(type, Object.keys(table))
    reporter.error(
      member(node, 'type')?.value.at ?? node.at,
      `no condition here is called \`${type}\`${meant ? `; did you mean \`${meant}\`?` : ''}`,
    )
    return undefined
  }
  const test = read(params)
  params.done(`\`${type}\``)
  return test
}
