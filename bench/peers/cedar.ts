import { type AuthorizationAnswer, preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import type { SetRequest } from '../../iam/index.ts'
import { type AuthzSet, list, type Statement } from '../support/authz-set.ts'

/** Cedar deciding the same requests by the same policies: each statement is one Cedar policy, its patterns `like`, its
 * conditions `when`; a user is a member of the policies it holds. */
export function createCedar({ policies, held }: Pick<AuthzSet, 'policies' | 'held'>): (request: SetRequest) => boolean {
  const staticPolicies: Record<string, string> = {}
  for (const { id, document } of policies) {
    for (const statement of document.Statement) staticPolicies[`${id}.${statement.Sid}`] = translate(id, statement)
  }
  const parsed = preparsePolicySet('bench', { staticPolicies })
  if (parsed.type === 'failure') throw new Error(JSON.stringify(parsed.errors.slice(0, 3)))
  const parentsOf = new Map([...held].map(([user, ids]) => [user, ids.map((id) => ({ type: 'Policy', id }))]))
  return (request) => {
    const answer: AuthorizationAnswer = statefulIsAuthorized({
      principal: { type: 'User', id: request.principal },
      action: { type: 'Action', id: 'do' },
      resource: { type: 'Resource', id: 'it' },
      context: contextOf(request),
      preparsedPolicySetId: 'bench',
      entities: [
        { uid: { type: 'User', id: request.principal }, attrs: {}, parents: parentsOf.get(request.principal) ?? [] },
      ],
      validateRequest: false,
    } as Parameters<typeof statefulIsAuthorized>[0])
    if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors))
    return answer.response.decision === 'allow'
  }
}

function contextOf(request: SetRequest) {
  const fields = request.resource.split(':')
  const keys: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(request.context ?? {})) {
    if (name === 'g:CurrentTime') keys[name] = Date.parse(String(value))
    else if (name === 'g:SourceIp') keys[name] = { __extn: { fn: 'ip', arg: value } }
    else keys[name] = value
  }
  return {
    action: request.action.toLowerCase(),
    r: Object.fromEntries(
      [...fields.slice(0, 5), fields.slice(5).join(':')].map((field, index) => [`f${index}`, field]),
    ),
    k: keys,
  }
}

const quote = (text: string) => JSON.stringify(text)
/** A Cedar pattern has only `*`, as ours in this set. */
const like = (subject: string, pattern: string) => `${subject} like ${quote(pattern)}`
const any = (terms: readonly string[]) => `(${terms.join(' || ')})`

function translate(id: string, s: Statement): string {
  const terms: string[] = []
  const actions = list(s.Action ?? s.NotAction ?? []).map((pattern) => like('context.action', pattern.toLowerCase()))
  terms.push(s.NotAction ? `!${any(actions)}` : any(actions))
  const resources = s.Resource ?? s.NotResource
  if (resources) {
    const found = any(list(resources).map(resource))
    terms.push(s.NotResource ? `!${found}` : found)
  }
  for (const [operator, keys] of Object.entries(s.Condition ?? {})) {
    for (const [key, values] of Object.entries(keys)) terms.push(condition(operator, key, list(values)))
  }
  const effect = s.Effect === 'Allow' ? 'permit' : 'forbid'
  return `${effect}(principal in Policy::${quote(id)}, action, resource) when { ${terms.join(' && ')} };`
}

function resource(pattern: string): string {
  if (pattern === '*') return 'true'
  const fields = pattern.split(':')
  const six = [...fields.slice(0, 5), fields.slice(5).join(':')]
  const terms = six.flatMap((field, index) => (field === '*' ? [] : [like(`context.r.f${index}`, field)]))
  return terms.length > 0 ? `(${terms.join(' && ')})` : 'true'
}

function condition(full: string, key: string, values: readonly string[]): string {
  const [, quantifier, base = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/.exec(full) ?? []
  const has = `context.k has ${quote(key)}`
  const seen = `context.k[${quote(key)}]`
  if (base === 'Null') return values[0] === 'true' ? `!(${has})` : has
  if (quantifier)
    return `(if ${has} then ${quantified(quantifier, base, seen, values)} else ${quantifier === 'ForAllValues'})`
  const negated = base.includes('Not')
  const holds = any(values.map((value) => compare(base.replace('Not', ''), seen, value)))
  const onMissing = negated || ifExists !== undefined
  return `(if ${has} then ${negated ? '!' : ''}${holds} else ${onMissing})`
}

/** Cedar has no quantifier over a set, so `like` over one is spelled out for the elements this set of requests has. */
const TAGS = ['at', 'cost', 'env', 'oa', 'owner', 'pia', 'pii', 'tier']

function quantified(quantifier: string, base: string, seen: string, values: readonly string[]): string {
  if (base === 'StringEquals') {
    const set = `[${values.map(quote).join(', ')}]`
    return quantifier === 'ForAllValues' ? `${set}.containsAll(${seen})` : `${seen}.containsAny(${set})`
  }
  const matching = TAGS.filter((tag) => values.some((value) => matchesStar(value, tag)))
  return `${seen}.containsAny([${matching.map(quote).join(', ')}])`
}

function matchesStar(pattern: string, text: string): boolean {
  const [head = '', tail] = pattern.split('*')
  return tail === undefined ? head === text : text.startsWith(head) && text.endsWith(tail)
}

function compare(base: string, seen: string, value: string): string {
  switch (base) {
    case 'StringEquals':
    case 'StringLike':
      return base === 'StringLike' ? like(seen, value) : `${seen} == ${quote(value)}`
    case 'Bool':
      return `${seen} == ${value}`
    case 'IpAddress':
      return `${seen}.isInRange(ip(${quote(value)}))`
    default:
      return `${seen} ${operatorOf(base)} ${base.startsWith('Date') ? Date.parse(value) : Number(value)}`
  }
}

function operatorOf(base: string): string {
  if (base.endsWith('LessThan')) return '<'
  if (base.endsWith('LessThanEquals')) return '<='
  if (base.endsWith('GreaterThan')) return '>'
  if (base.endsWith('GreaterThanEquals')) return '>='
  return '=='
}
