import { nearest, unreachable } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import {
  CONDITION_KEYS_MAX,
  CONDITION_VALUES_MAX,
  PATTERN_LENGTH_MAX,
  PATTERNS_MAX,
  POLICY_ERRORS_MAX,
  POLICY_SIZES_MAX,
  STARS_MAX,
  STATEMENTS_MAX,
} from '../limits.ts'
import { type JsonMember, type JsonNode, parseJson, type Span, significantLength } from './json.ts'

import { type PolicyProblem, PolicySyntaxError, placeOf } from './problem.ts'

/** What a document is attached as; the grammar differs a little. */
export type PolicyKind = keyof typeof POLICY_SIZES_MAX

export const policyKinds = Object.keys(POLICY_SIZES_MAX) as readonly PolicyKind[]

export interface PolicyDocument {
  readonly kind: PolicyKind
  readonly version: '5.0' | '2012-10-17'
  readonly id: string | undefined
  readonly statements: readonly Statement[]
  /** As it was written; spans refer to it. */
  readonly text: string
}

export interface Statement {
  readonly sid: string | undefined
  readonly effect: 'Allow' | 'Deny'
  readonly actions: Patterns
  /** Absent means every resource. */
  readonly resources: Patterns | undefined
  readonly principals: Principals | undefined
  readonly conditions: readonly ConditionTerm[]
  readonly span: Span
}

export interface Patterns {
  readonly negated: boolean
  readonly patterns: readonly Located[]
}

export interface Principals {
  readonly negated: boolean
  /** `*` stands for everyone. */
  readonly entries: readonly { readonly type: PrincipalType | '*'; readonly value: Located }[]
}

export const principalTypes = ['IAM', 'AWS', 'Service', 'Federated', 'SAR'] as const
export type PrincipalType = (typeof principalTypes)[number]

export interface ConditionTerm {
  readonly operator: Located
  readonly key: Located
  readonly values: readonly Located[]
}

/** A text of the document and where it stands. */
export interface Located {
  readonly text: string
  readonly offset: number
}

/** The document in `text`, checked against the grammar and every limit. Patterns, operators and values are checked by
 * `compilePolicy`.
 * @throws iam.policy.malformed with each problem's line and column */
export function parsePolicy(text: string, kind: PolicyKind): PolicyDocument {
  const problems = new Problems(text)
  const document = readDocument(text, kind, problems)
  problems.throwIfAny()
  return document as PolicyDocument
}

/** Collects what is wrong with one document. */
export class Problems {
  readonly #text: string
  readonly #found: PolicyProblem[] = []

  constructor(text: string) {
    this.#text = text
  }

  add(offset: number, message: string): void {
    if (this.#found.length < POLICY_ERRORS_MAX) this.#found.push({ ...placeOf(this.#text, offset), message })
  }

  /** @throws iam.policy.malformed */
  throwIfAny(): void {
    const [first] = this.#found
    if (!first) return
    throw iamError('iam.policy.malformed', `${first.message} (line ${first.line}, column ${first.column})`, {
      errors: this.#found.map(({ line, column, message }) => ({ path: `${line}:${column}`, message })),
    })
  }
}

function readDocument(text: string, kind: PolicyKind, problems: Problems): PolicyDocument | undefined {
  let root: JsonNode
  try {
    root = parseJson(text)
  } catch (error) {
    if (!(error instanceof PolicySyntaxError)) throw error
    problems.add(error.offset, error.message)
    return undefined
  }
  const size = significantLength(text)
  if (size > POLICY_SIZES_MAX[kind]) {
    problems.add(
      0,
      `the document has ${size} characters without white space; at most ${POLICY_SIZES_MAX[kind]} are allowed`,
    )
    return undefined
  }
  const members = readMembers(root, ['Version', 'Id', 'Statement'], problems, 'the policy')
  if (!members) return undefined
  const version = members.get('Version')?.value
  if (version?.kind !== 'string' || (version.value !== '5.0' && version.value !== '2012-10-17')) {
    problems.add(version?.start ?? root.start, 'Version must be "5.0" or "2012-10-17"')
    return undefined
  }
  const id = members.get('Id')?.value
  if (id && id.kind !== 'string') problems.add(id.start, 'Id must be a string')
  const statement = members.get('Statement')?.value
  if (!statement) {
    problems.add(root.start, 'the policy has no Statement')
    return undefined
  }
  return {
    kind,
    version: version.value,
    id: id?.kind === 'string' ? id.value : undefined,
    statements: readStatements(statement, { kind, version: version.value }, problems),
    text,
  }
}

interface Setting {
  readonly kind: PolicyKind
  readonly version: string
}

function readStatements(node: JsonNode, setting: Setting, problems: Problems): Statement[] {
  const nodes = node.kind === 'array' ? node.items : [node]
  if (nodes.length === 0) problems.add(node.start, 'Statement is empty')
  if (nodes.length > STATEMENTS_MAX) {
    problems.add(node.start, `${nodes.length} statements; at most ${STATEMENTS_MAX} are allowed`)
    return []
  }
  const sids = new Set<string>()
  const statements: Statement[] = []
  for (const item of nodes) {
    const statement = readStatement(item, setting, problems)
    if (!statement) continue
    if (statement.sid) {
      if (sids.has(statement.sid)) problems.add(item.start, `Sid \`${statement.sid}\` appears twice`)
      sids.add(statement.sid)
    }
    statements.push(statement)
  }
  return statements
}

const STATEMENT_MEMBERS = [
  'Sid',
  'Effect',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Principal',
  'NotPrincipal',
  'Condition',
]

function readStatement(node: JsonNode, setting: Setting, problems: Problems): Statement | undefined {
  const members = readMembers(node, STATEMENT_MEMBERS, problems, 'a statement')
  if (!members) return undefined
  const sid = members.get('Sid')?.value
  if (sid && (sid.kind !== 'string' || !/^[A-Za-z0-9]{0,64}$/.test(sid.value))) {
    problems.add(sid.start, 'Sid must be up to 64 letters and digits')
  }
  const effect = members.get('Effect')?.value
  if (effect?.kind !== 'string' || (effect.value !== 'Allow' && effect.value !== 'Deny')) {
    problems.add(effect?.start ?? node.start, 'Effect must be "Allow" or "Deny"')
    return undefined
  }
  const actions = readEither(members, 'Action', problems)
  if (!actions) {
    if (!members.has('Action') && !members.has('NotAction')) {
      problems.add(node.start, 'a statement needs Action or NotAction')
    }
    return undefined
  }
  for (const pattern of actions.patterns) checkActionPattern(pattern, problems)
  const resources = readEither(members, 'Resource', problems)
  if (!resources && needsResource(setting)) problems.add(node.start, 'a statement needs Resource or NotResource')
  const conditions = readConditions(members.get('Condition')?.value, problems)
  if (setting.kind === 'guardrail' && effect.value === 'Allow' && conditions.length > 0) {
    problems.add(node.start, 'an Allow of a guardrail takes no Condition')
  }
  return {
    sid: sid?.kind === 'string' && sid.value ? sid.value : undefined,
    effect: effect.value,
    actions,
    resources,
    principals: readPrincipals(members, setting, node, problems),
    conditions,
    span: { start: node.start, end: node.end },
  }
}

/** A trust policy is about one role, so it names no resource; the older version asks for one elsewhere. */
function needsResource({ kind, version }: Setting): boolean {
  return version === '2012-10-17' && kind !== 'trust'
}

function readMembers(
  node: JsonNode,
  allowed: readonly string[],
  problems: Problems,
  what: string,
): Map<string, JsonMember> | undefined {
  if (node.kind !== 'object') {
    problems.add(node.start, `${what} must be an object`)
    return undefined
  }
  const members = new Map<string, JsonMember>()
  for (const member of node.members) {
    if (allowed.includes(member.name)) members.set(member.name, member)
    else {
      const near = nearest(member.name, allowed)
      const hint = near ? `; did you mean \`${near}\`?` : `; it may have ${allowed.join(', ')}`
      problems.add(member.nameSpan.start, `${what} has no member \`${member.name}\`${hint}`)
    }
  }
  return members
}

function readEither(
  members: ReadonlyMap<string, JsonMember>,
  name: 'Action' | 'Resource',
  problems: Problems,
): Patterns | undefined {
  const plain = members.get(name)
  const negated = members.get(`Not${name}`)
  if (plain && negated) {
    problems.add(negated.nameSpan.start, `a statement has ${name} or Not${name}, not both`)
    return undefined
  }
  const member = plain ?? negated
  if (!member) return undefined
  const patterns = readTexts(member.value, PATTERNS_MAX, problems)
  for (const pattern of patterns) checkPattern(pattern, problems)
  if (patterns.length === 0) return undefined
  return { negated: member === negated, patterns }
}

/** A string or a list of strings, at least one. */
function readTexts(node: JsonNode, countMax: number, problems: Problems): Located[] {
  const nodes = node.kind === 'array' ? node.items : [node]
  if (nodes.length === 0) problems.add(node.start, 'the list is empty')
  if (nodes.length > countMax) {
    problems.add(node.start, `${nodes.length} entries; at most ${countMax} are allowed`)
    return []
  }
  return nodes.flatMap((item) => {
    if (item.kind === 'string') return [{ text: item.value, offset: item.start }]
    problems.add(item.start, `expected a string, found ${describe(item)}`)
    return []
  })
}

function checkPattern(pattern: Located, problems: Problems): void {
  if (pattern.text.length === 0) problems.add(pattern.offset, 'the pattern is empty')
  if (pattern.text.length > PATTERN_LENGTH_MAX) {
    problems.add(pattern.offset, `the pattern is longer than ${PATTERN_LENGTH_MAX} characters`)
  }
  let stars = 0
  for (let at = pattern.text.indexOf('*'); at !== -1; at = pattern.text.indexOf('*', at + 1)) stars++
  if (stars > STARS_MAX)
    problems.add(pattern.offset, `the pattern has ${stars} \`*\`; at most ${STARS_MAX} are allowed`)
}

function checkActionPattern(pattern: Located, problems: Problems): void {
  if (/^\*+$/.test(pattern.text) || /^[!-~]+:[!-~]+$/.test(pattern.text)) return
  problems.add(pattern.offset, `\`${pattern.text.slice(0, 80)}\` is not \`*\` or of the form service:type:operation`)
}

function readPrincipals(
  members: ReadonlyMap<string, JsonMember>,
  { kind }: Setting,
  statement: JsonNode,
  problems: Problems,
): Principals | undefined {
  const plain = members.get('Principal')
  const negated = members.get('NotPrincipal')
  const member = plain ?? negated
  const named = kind === 'resource' || kind === 'trust'
  if (!member) {
    if (named) problems.add(statement.start, 'a statement here needs Principal or NotPrincipal')
    return undefined
  }
  if (!named) problems.add(member.nameSpan.start, `${member.name} has no place in a policy attached to a principal`)
  if (plain && negated) problems.add(negated.nameSpan.start, 'a statement has Principal or NotPrincipal, not both')
  return { negated: member === negated, entries: readPrincipalEntries(member.value, problems) }
}

function readPrincipalEntries(node: JsonNode, problems: Problems): Principals['entries'] {
  if (node.kind === 'string' && node.value === '*') return [{ type: '*', value: { text: '*', offset: node.start } }]
  const members = node.kind === 'object' ? readMembers(node, principalTypes, problems, 'Principal') : undefined
  if (!members || members.size === 0) {
    problems.add(node.start, `Principal is "*" or an object of ${principalTypes.join(', ')}`)
    return []
  }
  return [...members.values()].flatMap((member) =>
    readTexts(member.value, PATTERNS_MAX, problems).map((value) => {
      checkPattern(value, problems)
      return { type: member.name as PrincipalType, value }
    }),
  )
}

function readConditions(node: JsonNode | undefined, problems: Problems): ConditionTerm[] {
  if (!node) return []
  if (node.kind !== 'object') {
    problems.add(node.start, 'Condition must be an object of operators')
    return []
  }
  const terms: ConditionTerm[] = []
  for (const operator of node.members) {
    if (operator.value.kind !== 'object') {
      problems.add(operator.value.start, 'an operator holds an object of keys')
      continue
    }
    if (operator.value.members.length === 0) problems.add(operator.value.start, 'the operator names no key')
    const keys = new Set<string>()
    for (const { name, nameSpan, value } of operator.value.members) {
      const folded = name.toLowerCase()
      if (keys.has(folded)) problems.add(nameSpan.start, `key \`${name}\` appears twice; keys ignore case`)
      keys.add(folded)
      terms.push({
        operator: { text: operator.name, offset: operator.nameSpan.start },
        key: { text: name, offset: nameSpan.start },
        values: readScalars(value, problems),
      })
    }
  }
  if (terms.length > CONDITION_KEYS_MAX) {
    problems.add(node.start, `${terms.length} condition keys; at most ${CONDITION_KEYS_MAX} are allowed`)
    return []
  }
  return terms
}

function readScalars(node: JsonNode, problems: Problems): Located[] {
  const nodes = node.kind === 'array' ? node.items : [node]
  if (nodes.length === 0) problems.add(node.start, 'the list is empty')
  if (nodes.length > CONDITION_VALUES_MAX) {
    problems.add(node.start, `${nodes.length} values; at most ${CONDITION_VALUES_MAX} are allowed`)
    return []
  }
  return nodes.flatMap((item) => {
    const text = scalarText(item)
    if (text === undefined) {
      problems.add(item.start, `expected a string, number or boolean, found ${describe(item)}`)
      return []
    }
    const value = { text, offset: item.start }
    if (text.length > 0) checkPattern(value, problems)
    return [value]
  })
}

function scalarText(node: JsonNode): string | undefined {
  switch (node.kind) {
    case 'string':
      return node.value
    case 'number':
      return node.text
    case 'boolean':
      return String(node.value)
    default:
      return undefined
  }
}

function describe(node: JsonNode): string {
  switch (node.kind) {
    case 'object':
      return 'an object'
    case 'array':
      return 'a list'
    case 'string':
      return 'a string'
    case 'number':
      return 'a number'
    case 'boolean':
      return `\`${node.value}\``
    case 'null':
      return '`null`'
    default:
      return unreachable(node)
  }
}
