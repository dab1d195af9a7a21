import { nearest } from '../../platform/index.ts'
import { type Action, ActionSet } from './action-set.ts'
import { type ArnPattern, compileArnPattern, hasVariable, matchesArn, type ResourceName } from './arn-pattern.ts'
import { type Condition, compileCondition, parseOperatorName } from './condition.ts'
import { canonicalKey, findContextKey } from './context-keys.ts'
import {
  type Patterns,
  type PolicyDocument,
  type PolicyKind,
  Problems,
  parsePolicy,
  type Statement,
} from './document.ts'
import { findOperator, InvalidValue, operatorNames } from './operators.ts'
import { type Caller, compilePrincipals, type Naming, type PrincipalMatch } from './principal-match.ts'
import { placeOf } from './problem.ts'
import { Shared } from './shared.ts'
import { hasBareVariable, type KeyValues, parseTemplate } from './text-pattern.ts'

/** A statement ready to be matched. */
export interface CompiledStatement {
  readonly policy: string
  readonly sid: string | undefined
  /** Its place in the policy. */
  readonly index: number
  readonly effect: 'Allow' | 'Deny'
  readonly actions: ActionSet
  readonly resources: ResourceSet | undefined
  readonly principals: PrincipalMatch | undefined
  readonly conditions: readonly Condition[]
}

/** `<policy>.<Sid>`, or `<policy>.[<index>]` where there is no Sid. */
export function labelOf({ policy, sid, index }: CompiledStatement): string {
  return `${policy}.${sid ?? `[${index}]`}`
}

export interface CompiledPolicy {
  readonly id: string
  readonly kind: PolicyKind
  /** As it was written; its tree is made again where somebody asks for places. */
  readonly text: string
  readonly statements: readonly CompiledStatement[]
}

export interface ResourceSet {
  readonly negated: boolean
  /** As the document spells them. */
  readonly texts: readonly string[]
  readonly patterns: readonly ArnPattern[]
}

/** What a decision is about, ready to be matched. */
export interface Question {
  readonly action: Action
  readonly resource: string
  readonly resourceName: ResourceName | undefined
  readonly keys: KeyValues
  /** Who asks; for the Principal element of resource policies. */
  readonly caller: Caller | undefined
}

/** @param id of the policy, for the labels of its statements
 * @throws iam.policy.malformed with each problem's line and column */
export function compilePolicy(id: string, document: PolicyDocument): CompiledPolicy {
  const problems = new Problems(document.text)
  const statements = document.statements.map((source, index) => ({
    policy: id,
    sid: source.sid,
    index,
    effect: source.effect,
    actions: compileActions(source.actions),
    resources: compileResources(source.resources, source, problems),
    principals: source.principals && compilePrincipals(source.principals, problems),
    conditions: compileConditions(source, problems),
  }))
  problems.throwIfAny()
  return { id, kind: document.kind, text: document.text, statements }
}

const actionSets = new Shared<ActionSet>()
const resourceSets = new Shared<ResourceSet>()
const sharedConditions = new Shared<Condition>()

function compileActions({ negated, patterns }: Patterns): ActionSet {
  const texts = patterns.map((pattern) => pattern.text)
  return actionSets.get(JSON.stringify([negated, texts]), () => new ActionSet(texts, negated))
}

function compileResources(
  resources: Patterns | undefined,
  statement: Statement,
  problems: Problems,
): ResourceSet | undefined {
  if (!resources) return undefined
  const patterns: ArnPattern[] = []
  for (const { text, offset } of resources.patterns) {
    const parts = parseTemplate(text, { wildcards: true })
    const pattern = typeof parts === 'string' ? parts : compileArnPattern(parts)
    if (typeof pattern === 'string') problems.add(offset, pattern)
    else patterns.push(pattern)
    if (typeof parts !== 'string' && hasBareVariable(parts) && narrowsDenial(statement, resources.negated)) {
      problems.add(
        offset,
        `a variable that may have no value lets this fail open; give it a default, as in \`\${g:UserName, 'none'}\``,
      )
    }
  }
  const texts = resources.patterns.map((pattern) => pattern.text)
  const key = JSON.stringify([resources.negated, texts])
  // What is wrong is not shared: the document is refused anyway.
  if (patterns.length < texts.length) return undefined
  return resourceSets.get(key, () => ({ negated: resources.negated, texts, patterns }))
}

/** Where a pattern that matches nothing would let more through than was meant. */
function narrowsDenial(statement: Statement, negated: boolean): boolean {
  return (statement.effect === 'Deny') !== negated
}

function compileConditions(statement: Statement, problems: Problems): Condition[] {
  const conditions: Condition[] = []
  for (const { operator, key, values } of statement.conditions) {
    const condition = compileCondition(
      operator.text,
      key.text,
      values.map((value) => value.text),
    )
    if (typeof condition === 'string') {
      const near = nearest(operator.text, operatorNames())
      problems.add(operator.offset, near ? `${condition}; did you mean \`${near}\`?` : condition)
    } else if (condition instanceof InvalidValue) {
      problems.add(values[condition.index]?.offset ?? key.offset, condition.message)
    } else {
      if (!/^[A-Za-z0-9_-]+[:.]./.test(key.text)) {
        problems.add(key.offset, `\`${key.text.slice(0, 80)}\` is not a context key; keys are \`service:Name\``)
      }
      conditions.push(
        sharedConditions.get(JSON.stringify([operator.text, key.text, condition.values]), () => condition),
      )
    }
  }
  return conditions.length > 0 ? conditions : NO_CONDITIONS
}

const NO_CONDITIONS: Condition[] = []

/** Whether a statement whose Action matches applies to a question: resource, principal and conditions must too.
 * @param naming only if its Principal element names the caller this way */
export function isMet(statement: CompiledStatement, question: Question, naming?: Naming): boolean {
  return matchesScope(statement, question, naming) && conditionsHold(statement, question)
}

/** Resource and principal. */
export function matchesScope(statement: CompiledStatement, question: Question, naming?: Naming): boolean {
  const { resources, principals } = statement
  if (resources) {
    let found = false
    for (const pattern of resources.patterns) {
      if (matchesArn(pattern, question.resourceName, question.keys)) {
        found = true
        break
      }
    }
    if (found === resources.negated) return false
  }
  if (principals === undefined) return true
  if (naming === undefined) return principals.matches(question.caller, question.keys)
  return principals.naming(question.caller, question.keys) === naming
}

/** False where the resource alone tells that the statement does not apply; variables may stand for anything. */
export function mayMatchResource({ resources }: CompiledStatement, name: ResourceName | undefined): boolean {
  if (!resources) return true
  const { negated, patterns } = resources
  if (patterns.some(hasVariable)) return true
  return patterns.some((pattern) => matchesArn(pattern, name, NO_KEYS)) !== negated
}

const NO_KEYS: KeyValues = { get: () => undefined }

function conditionsHold(statement: CompiledStatement, question: Question): boolean {
  for (const condition of statement.conditions) if (!condition.holds(question.keys)) return false
  return true
}

/** Keys a policy looks at, as it spells them first; those of variables as they are declared. */
export function keysOf(policy: CompiledPolicy): string[] {
  const keys = new Map<string, string>()
  const add = (canonical: string, spelled: string) => {
    if (!keys.has(canonical)) keys.set(canonical, spelled)
  }
  for (const statement of parsePolicy(policy.text, policy.kind).statements) {
    for (const { key } of statement.conditions) add(canonicalKey(key.text), key.text)
    for (const text of variableTexts(statement)) {
      const parts = parseTemplate(text, { wildcards: true })
      if (typeof parts === 'string') continue
      for (const part of parts) {
        if ('variable' in part) add(part.variable, findContextKey(part.variable)?.name ?? part.variable)
      }
    }
  }
  return [...keys.values()].sort()
}

/** Where a statement stands in its policy's text: the places of its first character and of the one after its last. */
export function placesOf(policy: CompiledPolicy, index: number) {
  const span = parsePolicy(policy.text, policy.kind).statements[index]?.span ?? { start: 0, end: 0 }
  return { start: placeOf(policy.text, span.start), end: placeOf(policy.text, span.end) }
}

function variableTexts(statement: Statement): string[] {
  const resources = statement.resources?.patterns.map((pattern) => pattern.text) ?? []
  const values = statement.conditions
    .filter((term) => findOperator(parseOperatorName(term.operator.text).base)?.takesVariables)
    .flatMap((term) => term.values.map((value) => value.text))
  return [...resources, ...values]
}
