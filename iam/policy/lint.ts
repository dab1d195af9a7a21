import { type OperatorName, parseOperatorName } from './condition.ts'
import { findContextKey } from './context-keys.ts'
import { type ConditionTerm, parsePolicy, type Statement } from './document.ts'
import { findOperator } from './operators.ts'
import { type PolicyProblem, placeOf } from './problem.ts'
import type { CompiledPolicy, CompiledStatement } from './statement.ts'
import { hasBareVariable, parseTemplate } from './text-pattern.ts'

/** What is allowed and rarely meant. `code` is stable. */
export interface Lint extends PolicyProblem {
  readonly code: LintCode
}

export type LintCode =
  | 'allow-not-action'
  | 'allow-everything'
  | 'for-all-values-of-nothing'
  | 'negated-without-key'
  | 'like-without-wildcard'
  | 'not-ip-in-deny'
  | 'mfa-in-deny'
  | 'unknown-key'
  | 'unknown-service'
  | 'caller-controlled-key'
  | 'variable-without-default'

/** Services whose actions mean something here. */
const SERVICES = new Set([
  'iam',
  'sts',
  'eps',
  'org',
  'siem',
  'soar',
  'kms',
  'secrets',
  'secretsmanager',
  'pca',
  'acm-pca',
  'scm',
  'audit',
  'compliance',
  'platform',
])

interface Finding {
  readonly code: LintCode
  readonly offset: number
  readonly message: string
}

/** Everything in a policy that reads otherwise than it works, in order of place. */
export function lintPolicy(policy: CompiledPolicy): Lint[] {
  const { statements } = parsePolicy(policy.text, policy.kind)
  return policy.statements
    .flatMap((statement, index) => {
      const source = statements[index]
      return source ? lintStatement(statement, source) : []
    })
    .sort((a, b) => a.offset - b.offset)
    .map(({ code, offset, message }) => ({ code, message, ...placeOf(policy.text, offset) }))
}

function lintStatement(statement: CompiledStatement, source: Statement): Finding[] {
  return [...lintActions(source), ...source.conditions.flatMap((term) => lintTerm(statement, term))]
}

function lintActions(source: Statement): Finding[] {
  const findings: Finding[] = []
  const { effect } = source
  const { negated, patterns } = source.actions
  const at = source.span.start
  if (effect === 'Allow' && negated) {
    findings.push({
      code: 'allow-not-action',
      offset: at,
      message: 'Allow with NotAction allows every other action, those of services to come included',
    })
  }
  const everywhere = !source.resources || source.resources.patterns.some(({ text }) => text === '*')
  if (effect === 'Allow' && !negated && everywhere && patterns.some(({ text }) => /^\*+$/.test(text))) {
    findings.push({ code: 'allow-everything', offset: at, message: 'this allows every action on every resource' })
  }
  for (const { text, offset } of patterns) {
    const service = text.split(':', 1)[0]?.toLowerCase() ?? ''
    if (!/[*?]/.test(service) && !SERVICES.has(service)) {
      findings.push({ code: 'unknown-service', offset, message: `no service is called \`${service}\`` })
    }
  }
  return findings
}

function lintTerm(statement: CompiledStatement, term: ConditionTerm): Finding[] {
  const { effect } = statement
  const name = parseOperatorName(term.operator.text)
  const operator = findOperator(name.base)
  const negated = operator?.negated ?? false
  const compiled = statement.conditions.find((one) => one.operator === term.operator.text && one.key === term.key.text)
  const key = compiled?.canonicalKey ?? ''
  const declared = findContextKey(key)
  const findings: Finding[] = []
  const add = (code: LintCode, message: string, offset = term.operator.offset) =>
    findings.push({ code, offset, message })
  const guarded = requiresKey(statement, key)
  if (effect === 'Allow' && name.quantifier === 'ForAllValues' && !guarded) {
    add(
      'for-all-values-of-nothing',
      `holds also where \`${term.key.text}\` is absent; add \`"Null": {"${term.key.text}": "false"}\``,
    )
  } else if (effect === 'Allow' && negated && !guarded) {
    add(
      'negated-without-key',
      `holds also where \`${term.key.text}\` is absent; add \`"Null": {"${term.key.text}": "false"}\``,
    )
  }
  if (isLike(name) && !term.values.some(({ text }) => /[*?]/.test(text))) {
    add('like-without-wildcard', `no value has a wildcard; ${name.base.replace(/Like|Match/, 'Equals')} says the same`)
  }
  if (effect === 'Deny' && name.base === 'NotIpAddress') {
    add('not-ip-in-deny', 'denies also services that call on behalf of the principal from their own addresses')
  }
  if (effect === 'Deny' && name.base === 'Bool' && key === 'g:mfapresent' && !name.ifExists) {
    add('mfa-in-deny', 'calls with a long-lived access key carry no such key and pass; BoolIfExists denies them too')
  }
  if (!declared && name.base !== '') {
    add('unknown-key', `nothing gives \`${term.key.text}\` a value unless a caller does`, term.key.offset)
  }
  if (effect === 'Allow' && declared?.owner === 'caller') {
    add('caller-controlled-key', `the caller chooses the value of \`${term.key.text}\``, term.key.offset)
  }
  if (operator?.takesVariables && (effect === 'Deny') !== negated) {
    for (const { text, offset } of term.values) {
      const parts = parseTemplate(text, { wildcards: true })
      if (typeof parts !== 'string' && hasBareVariable(parts)) {
        add(
          'variable-without-default',
          'where the variable has no value this lets more through; give it a default',
          offset,
        )
      }
    }
  }
  return findings
}

function isLike({ base }: OperatorName): boolean {
  return /^String(Not)?(Like|Match)$/.test(base)
}

/** True where the statement also demands that the key is there. */
function requiresKey(statement: CompiledStatement, key: string): boolean {
  return statement.conditions.some(
    (condition) =>
      condition.operator === 'Null' && condition.canonicalKey === key && condition.values.every((v) => v === 'false'),
  )
}
