import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Expression } from '../../detection/match/expression.ts'
import { readRuleTree } from '../../detection/offline/index.ts'
import { listFiles } from '../../detection/offline/input-file.ts'
import { readPipelineFiles } from '../../detection/offline/pipeline-files.ts'
import { engineUrl } from '../support/engines.ts'
import { sharedData } from '../support/requirements.ts'

const python = engineUrl('pysigma')
const sigma = sharedData('sigma')
const here = fileURLToPath(new URL('.', import.meta.url))

/** A condition as both sides print it: `['and' | 'or' | 'not', …]`, or a leaf. */
type Tree = readonly unknown[]

/** Sorted, each part once, without levels that say nothing: what two ways of writing a condition have in common. */
function canonical(tree: Tree): Tree {
  const [kind, ...children] = tree as [string, ...Tree[]]
  if (kind === 'not') {
    const [child] = children
    const inner = canonical(child as Tree)
    return inner[0] === 'not' ? (inner[1] as Tree) : ['not', inner]
  }
  if (kind !== 'and' && kind !== 'or') return tree
  const flat = children.map(canonical).flatMap((child) => (child[0] === kind ? (child.slice(1) as Tree[]) : [child]))
  const sorted = [...new Map(flat.map((child) => [JSON.stringify(child), child])).entries()].sort(([left], [right]) =>
    left < right ? -1 : 1,
  )
  return sorted.length === 1 ? (sorted[0]?.[1] as Tree) : [kind, ...sorted.map(([, child]) => child)]
}

function treeOf(expression: Expression): Tree {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return [expression.kind, ...expression.of.map(treeOf)]
    case 'not':
      return ['not', treeOf(expression.of)]
    case 'text': {
      const { field, position, text, cased } = expression
      const before = position === 'contains' || position === 'endsWith' ? [1] : []
      const after = position === 'contains' || position === 'startsWith' ? [1] : []
      const said = text === '' && position === 'contains' ? [1] : [...before, ...(text === '' ? [] : [text]), ...after]
      return ['text', field, said, cased]
    }
    case 'glob':
      return [
        'text',
        expression.field,
        expression.pattern.map((part) => (typeof part === 'string' ? part : part === 2 ? 1 : 2)),
        expression.cased,
      ]
    case 'number':
      return ['number', expression.field, expression.value]
    case 'regex': {
      const { ignoreCase, multiline, dotAll } = expression.flags
      const flags = [
        ...(dotAll ? ['DOTALL'] : []),
        ...(ignoreCase ? ['IGNORECASE'] : []),
        ...(multiline ? ['MULTILINE'] : []),
      ]
      return ['regex', expression.field, expression.source, flags]
    }
    case 'fieldRef': {
      const { field, other, position } = expression
      const opens = (side: string) => position === 'contains' || position === side
      return ['fieldRef', field, other, opens('startsWith'), opens('endsWith')]
    }
    case 'compare':
      return ['compare', expression.field, expression.comparison, expression.value]
    case 'network':
      return ['network', expression.field, expression.cidr]
    case 'exists':
      return ['exists', expression.field, expression.wanted]
    case 'null':
      return ['null', expression.field]
    default:
      return ['other', JSON.stringify(expression)]
  }
}

interface Told {
  readonly id: string
  readonly logsource?: readonly (string | null)[]
  readonly condition?: Tree | null
  readonly error?: string
}

async function pysigma(rules: string, pipelines: readonly string[]): Promise<Map<string, Told>> {
  const { stdout } = await promisify(execFile)(python!, [`${here}pysigma-conditions.py`, rules, ...pipelines], {
    maxBuffer: 1 << 30,
  })
  const told = stdout.split('\n').filter((line) => line !== '')
  return new Map(told.map((line) => JSON.parse(line) as Told).map((one) => [one.id, one]))
}

/** Compares rule by rule; `differ` is empty when both sides agree. */
async function compare(rules: string, pipelines: readonly string[]) {
  const theirs = await pysigma(rules, pipelines)
  const tree = readRuleTree(rules, pipelines.length > 0 ? { pipelines: readPipelineFiles(pipelines) } : {})
  const differ: string[] = []
  let agreed = 0
  let refusedByBoth = 0
  const ours = new Map(tree.ruleSet.rules.map((rule) => [rule.head.id, rule]))
  for (const [id, told] of theirs) {
    const rule = ours.get(id)
    if (!rule || told.error !== undefined) {
      if (!rule && told.error !== undefined) refusedByBoth++
      else differ.push(`${id}: ${rule ? 'accepted' : 'refused'} here, there ${told.error ?? 'accepted'}`)
      continue
    }
    const { product, category, service } = rule.logsource
    const here = JSON.stringify([
      [product ?? null, category ?? null, service ?? null],
      canonical(treeOf(rule.expression)),
    ])
    const there = JSON.stringify([
      told.logsource?.map((word) => word?.toLowerCase() ?? null),
      canonical(told.condition as Tree),
    ])
    if (here === there) agreed++
    else differ.push(`${id}:\n  ${here}\n  ${there}`)
  }
  return { differ, agreed, refusedByBoth, refused: tree.refused }
}

/** Every sixth rule: pySigma takes its time. */
async function sample(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rampart-pipelines-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [index, file] of listFiles(sigma!, /\.yml$/).entries()) {
    if (index % 6 === 0) await copyFile(join(sigma!, file), join(folder, file.replaceAll('/', '-')))
  }
  return folder
}

describe.skipIf(!python || !sigma)(
  'rules read here and by pySigma ask for the same (needs pySigma and ../shared/data):',
  () => {
    const files = ['windows-names', 'windows-sources', 'values', 'structure', 'strict']
    test.each([
      ['as they are written', []],
      ...files.map((name): [string, string[]] => [`through ${name}.yml`, [name]]),
      ['through two pipelines, the one of lower priority first', ['windows-names', 'windows-sources']],
    ])('%s', { timeout: 300_000 }, async (_, names) => {
      const { differ, agreed, refusedByBoth } = await compare(
        names.length === 0 ? sigma! : await sample(),
        names.map((name) => `${here}pipelines/${name}.yml`),
      )
      console.log(`${agreed} rules ask for the same, ${refusedByBoth} are refused by both`)
      expect(differ.slice(0, 5)).toEqual([])
      expect(agreed).toBeGreaterThan(names.length === 0 ? 3_000 : 200)
    })
  },
)
