import { type AuthzSet, list, type Statement } from '../support/authz-set.ts'

const quote = (text: string) => JSON.stringify(text)

/** The policies as the Rego that OPA decides fastest by, of the forms tried: each statement a package of its own with
 * string functions in place of globs, found through an index by user and service that is data; what all statements look
 * at is computed once a query. `authz.allow` decides `input`, `authz.batch` each of `input.evaluations`. */
export function toRego({ policies, held }: Pick<AuthzSet, 'policies' | 'held'>): {
  readonly modules: string[]
  readonly data: object
} {
  const modules = [ENTRY, QUERY]
  const services = new Set<string>()
  const statements = new Map<string, { readonly name: string; readonly statement: Statement }[]>()
  for (const { id, document } of policies) {
    const own = document.Statement.map((statement) => ({ name: `${id}_${statement.Sid}`, statement }))
    statements.set(id, own)
    for (const { name, statement } of own) {
      modules.push(moduleOf(name, statement))
      for (const pattern of list(statement.Action ?? [])) {
        const service = pattern.split(':', 1)[0] ?? ''
        if (!service.includes('*')) services.add(service.toLowerCase())
      }
    }
  }
  const index = Object.fromEntries(
    [...held].map(([user, ids]) => {
      const all = ids.flatMap((id) => statements.get(id) ?? [])
      const candidates = (service: string | undefined) => {
        const meant = all.filter(({ statement }) => mayMatch(statement, service))
        const names = (effect: string) =>
          meant.filter(({ statement }) => statement.Effect === effect).map(({ name }) => name)
        return { allow: names('Allow'), deny: names('Deny') }
      }
      const byService = Object.fromEntries([...services].map((service) => [service, candidates(service)]))
      return [user, { ...byService, _: candidates(undefined) }]
    }),
  )
  return { modules, data: { index } }
}

const ENTRY = `package authz

import data.q

default allow := false

allow if {
	not deny
	some name in candidates.allow
	data.s[name].m
}

deny if {
	some name in candidates.deny
	data.s[name].m
}

candidates := data.index[input.principal][q.service]

candidates := data.index[input.principal]._ if not data.index[input.principal][q.service]

batch := [decision |
	some one in input.evaluations
	decision := allow with input as one
]
`

const QUERY = `package q

action := lower(input.action)

service := substring(action, 0, indexof(action, ":"))

f := split(input.resource, ":")

f5 := concat(":", array.slice(f, 5, count(f)))

now := time.parse_rfc3339_ns(input.context["g:CurrentTime"])

has[key] if some key, _ in input.context
`

function mayMatch(statement: Statement, service: string | undefined): boolean {
  if (!statement.Action) return true
  return list(statement.Action).some((pattern) => {
    const first = (pattern.split(':', 1)[0] ?? '').toLowerCase()
    return first.includes('*') || first === service
  })
}

function moduleOf(name: string, statement: Statement): string {
  const terms: string[] = []
  const rules: string[] = []
  const actions = list(statement.Action ?? statement.NotAction ?? [])
  for (const pattern of actions) rules.push(`a if { ${like('q.action', pattern.toLowerCase()).join('; ')} }`)
  terms.push(statement.NotAction ? 'not a' : 'a')
  const resources = statement.Resource ?? statement.NotResource
  if (resources) {
    for (const pattern of list(resources)) rules.push(`r if { ${resource(pattern).join('; ')} }`)
    terms.push(statement.NotResource ? 'not r' : 'r')
  }
  let count = 0
  for (const [operator, keys] of Object.entries(statement.Condition ?? {})) {
    for (const [key, values] of Object.entries(keys)) {
      const rule = `c${count++}`
      const { bodies, negated } = condition(operator, key, list(values))
      for (const body of bodies) rules.push(`${rule} if { ${body} }`)
      terms.push(negated ? `not ${rule}` : rule)
    }
  }
  return `package s.${name}\n\nimport data.q\n\nm if { ${terms.join('; ')} }\n\n${rules.join('\n\n')}\n`
}

/** The terms that hold where the text matches a pattern in which `*` is any run. */
function like(text: string, pattern: string): string[] {
  const pieces = pattern.split('*')
  const [first = '', middle, ...rest] = pieces
  if (pieces.length === 1) return [`${text} == ${quote(pattern)}`]
  const last = pieces.at(-1) ?? ''
  const terms = [...(first ? [`startswith(${text}, ${quote(first)})`] : [])]
  if (last) terms.push(`endswith(${text}, ${quote(last)})`)
  if (pieces.length === 2) {
    if (first && last) terms.push(`count(${text}) >= ${first.length + last.length}`)
    return terms.length > 0 ? terms : ['true']
  }
  if (rest.length > 1 || middle === undefined) throw new Error(`no Rego for ${pattern}`)
  terms.push(`i := indexof(substring(${text}, ${first.length}, -1), ${quote(middle)})`, 'i >= 0')
  if (last) terms.push(`count(${text}) >= i + ${first.length + middle.length + last.length}`)
  return terms
}

function resource(pattern: string): string[] {
  if (pattern === '*') return ['true']
  const fields = pattern.split(':')
  const terms = fields.slice(0, 5).flatMap((field, index) => (field === '*' ? [] : like(`q.f[${index}]`, field)))
  const last = fields.slice(5).join(':')
  if (last !== '*') terms.push(...like('q.f5', last))
  return terms.length > 0 ? terms : ['count(q.f) > 5']
}

interface Condition {
  /** One of them has to hold. */
  readonly bodies: readonly string[]
  readonly negated: boolean
}

function condition(full: string, key: string, values: readonly string[]): Condition {
  const [, quantifier, base = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/.exec(full) ?? []
  const seen = `input.context[${quote(key)}]`
  if (base === 'Null') return { bodies: [`_ = ${seen}`], negated: values[0] === 'true' }
  const set = `{${values.map(quote).join(', ')}}`
  if (quantifier === 'ForAllValues') {
    return { bodies: [`some v in ${seen}; not v in ${set}`], negated: true }
  }
  if (quantifier === 'ForAnyValue') {
    const bodies =
      base === 'StringEquals'
        ? [`some v in ${seen}; v in ${set}`]
        : values.map((value) => [`some v in ${seen}`, ...like('v', value)].join('; '))
    return { bodies, negated: false }
  }
  const negated = base.includes('Not')
  const bodies = values.map((value) => compare(base.replace('Not', ''), seen, value).join('; '))
  // A negated operator holds where there is no value; so does one with IfExists.
  if (ifExists && !negated) bodies.push(`not q.has[${quote(key)}]`)
  return { bodies, negated }
}

function compare(base: string, seen: string, value: string): string[] {
  switch (base) {
    case 'StringEquals':
      return [`${seen} == ${quote(value)}`]
    case 'StringLike':
      return like(seen, value)
    case 'Bool':
      return [`${seen} == ${value}`]
    case 'IpAddress':
      return [`net.cidr_contains(${quote(value)}, ${seen})`]
    default: {
      const isDate = base.startsWith('Date')
      const wanted = isDate ? `${Date.parse(value)}000000` : value
      return [`${isDate ? 'q.now' : seen} ${operatorOf(base)} ${wanted}`]
    }
  }
}

function operatorOf(base: string): string {
  if (base.endsWith('LessThan')) return '<'
  if (base.endsWith('LessThanEquals')) return '<='
  if (base.endsWith('GreaterThan')) return '>'
  if (base.endsWith('GreaterThanEquals')) return '>='
  return '=='
}
