import { nearest, printable } from '../../platform/base/index.ts'
import { misfitOfTactic, tagProblem } from '../attack/tag-problem.ts'
import { TAGS_MAX } from '../limits.ts'
import { type RuleHead, type Severity, severities } from '../types.ts'
import { type MapNode, member, type Node } from './document.ts'
import type { Reporter } from './problem.ts'

const ID_CHARS_MAX = 128
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const TITLE_CHARS_MAX = 512

/** Title, id, level and tags, which rules, correlations and filters share.
 * @param fallbackId the id of a rule that has none: Sigma lets it be absent */
export function readHead(document: MapNode, fallbackId: string, reporter: Reporter): RuleHead {
  const id = readId(document, fallbackId, reporter)
  const title = readTitle(document, reporter)
  const name = textOf(document, 'name', reporter)
  const description = textOf(document, 'description', reporter)
  const falsePositives = textsOf(document, 'falsepositives')
  const response = textOf(document, 'response', reporter)
  const tags = readTags(document, reporter)
  const risk = readRisk(document, reporter)
  return {
    id,
    ...(name === undefined ? {} : { name }),
    title,
    severity: readLevel(document, reporter),
    ...(description === undefined ? {} : { description }),
    ...(falsePositives === undefined ? {} : { falsePositives }),
    ...(response === undefined ? {} : { response }),
    ...(risk ? { risk } : {}),
    techniques: tags
      .filter((tag) => /^attack\.t\d{4}(?:\.\d{3})?$/i.test(tag))
      .map((tag) => tag.slice(7).toUpperCase()),
    tactics: tags.filter((tag) => /^attack\.[a-z][a-z_-]+$/i.test(tag)).map((tag) => tag.slice(7).replaceAll('_', '-')),
  }
}

/** The id of a rule that has none, by the path of its file. */
export function idOfFile(path: string): string {
  const name = path.replace(/^.*\//, '').replace(/\.ya?ml$/i, '')
  return (
    idOf(name) ??
    (name
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, ID_CHARS_MAX) ||
      'rule')
  )
}

function idOf(name: string): string | undefined {
  return ID.test(name) ? name : undefined
}

function readTitle(document: MapNode, reporter: Reporter): string {
  const title = textOf(document, 'title', reporter)?.replace(/\s+/g, ' ').trim()
  if (title === undefined) reporter.error(document.at, 'a rule needs a `title`')
  else if (printable(title) !== title) {
    const at = member(document, 'title')?.value.at ?? document.at
    reporter.error(at, `the title holds characters that cannot be shown: \`${printable(title).slice(0, 80)}\``)
  }
  return (title ?? '').slice(0, TITLE_CHARS_MAX)
}

function readId(document: MapNode, fallbackId: string, reporter: Reporter): string {
  const id = textOf(document, 'id', reporter) ?? idOf(textOf(document, 'name', reporter) ?? '') ?? fallbackId
  if (!ID.test(id)) {
    const at = member(document, 'id')?.value.at ?? document.at
    reporter.error(
      at,
      `\`${printable(id.slice(0, 80))}\` is no id: letters, digits, \`.\`, \`_\` and \`-\`, at most 128, are (a UUID is best)`,
    )
  }
  return id
}

function readTags(document: MapNode, reporter: Reporter): readonly string[] {
  const value = member(document, 'tags')?.value
  const items: readonly Node[] = value?.kind === 'list' ? value.items : value ? [value] : []
  if (items.length > TAGS_MAX) {
    reporter.error(document.at, `the rule has ${items.length} tags; ${TAGS_MAX} are allowed`)
    return []
  }
  const tags = textsOf(document, 'tags') ?? []
  for (const item of items) {
    const problem = item.kind === 'scalar' ? (tagProblem(item.text) ?? misfitOfTactic(item.text, tags)) : undefined
    if (problem !== undefined) reporter.warn(item.at, problem)
  }
  return tags
}

/** `risk: {only: true, confidence: 0.5}`, a key of ours that Sigma leaves free. */
function readRisk(document: MapNode, reporter: Reporter): RuleHead['risk'] {
  const value = member(document, 'risk')?.value
  if (!value) return undefined
  if (value.kind !== 'map') {
    reporter.error(value.at, '`risk` takes a map such as `{only: true, confidence: 0.5}`')
    return undefined
  }
  for (const { key, keyAt } of value.entries) {
    if (key !== 'only' && key !== 'confidence') reporter.error(keyAt, `\`risk\` has no \`${key}\``)
  }
  const only = member(value, 'only')?.value
  const confidence = member(value, 'confidence')?.value
  if (only && (only.kind !== 'scalar' || typeof only.value !== 'boolean')) {
    reporter.error(only.at, '`only` takes `true` or `false`')
  }
  const sure = confidence?.kind === 'scalar' ? Number(confidence.value) : Number.NaN
  if (confidence && !(sure >= 0.25 && sure <= 1)) {
    reporter.error(confidence.at, '`confidence` takes a number from 0.25 to 1')
  }
  return {
    ...(only?.kind === 'scalar' && only.value === true ? { only: true } : {}),
    ...(confidence && sure >= 0.25 && sure <= 1 ? { confidence: sure } : {}),
  }
}

function readLevel(document: MapNode, reporter: Reporter): Severity {
  const entry = member(document, 'level')
  if (!entry) return 'informational'
  const level = entry.value.kind === 'scalar' ? String(entry.value.value).toLowerCase() : ''
  const known = severities.find((severity) => severity === level)
  if (!known) {
    const meant = nearest(level, severities)
    reporter.error(
      entry.value.at,
      `\`level\` is one of ${severities.join(', ')}${meant ? `; did you mean \`${meant}\`?` : ''}`,
    )
  }
  return known ?? 'informational'
}

/** The text under `key`; undefined where there is none. */
export function textOf(node: MapNode, key: string, reporter: Reporter): string | undefined {
  const entry = member(node, key)
  if (!entry || (entry.value.kind === 'scalar' && entry.value.value === null)) return undefined
  if (entry.value.kind === 'scalar') return entry.value.text
  reporter.error(entry.value.at, `\`${key}\` takes a text`)
  return undefined
}

/** The texts under `key`: a list, or one; undefined where there is none. */
export function textsOf(node: MapNode, key: string): string[] | undefined {
  const value = member(node, key)?.value
  if (!value) return undefined
  const items: readonly Node[] = value.kind === 'list' ? value.items : [value]
  return items.flatMap((item) => (item.kind === 'scalar' && item.value !== null ? [item.text] : []))
}
