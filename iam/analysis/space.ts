import { actionsOfAws } from '../policy/action-names.ts'
import { type Action, passingAction } from '../policy/action-set.ts'
import type { CompiledStatement } from '../policy/statement.ts'
import { parseTemplate, type Variable } from '../policy/text-pattern.ts'
import { matchesWildcard, parseWildcard } from '../policy/wildcard.ts'
import { actionPattern, classesOf, exactPattern, namePattern, type Pattern } from './classes.ts'

/** A part of all actions, or of all resources, that statements cannot tell apart. */
export interface Region {
  /** One of its members. */
  readonly witness: string
  /** The narrowest pattern that has all of it. */
  readonly pattern: string
  /** What of that pattern is not in it. */
  readonly except: readonly string[]
  /** Every pattern that has all of it. */
  readonly within: ReadonlySet<string>
}

export interface ActionRegion extends Region {
  readonly action: Action
}

export interface Regions<R extends Region = Region> {
  readonly regions: readonly R[]
  /** False where there are more than are looked at. */
  readonly complete: boolean
}

/** The regions of actions that statements tell apart, and `more` patterns. */
export function actionRegions(
  statements: readonly CompiledStatement[],
  more: readonly string[] = [],
): Regions<ActionRegion> {
  const texts = new Set(['*', ...more.map((text) => text.toLowerCase())])
  for (const { actions } of statements) for (const text of actions.texts) texts.add(text.toLowerCase())
  const patterns = [...texts].map(actionPattern)
  // A pattern that has AWS's name for an action of ours may not have ours: that action is then a region of its own.
  const named = [...actionsOfAws()]
    .filter((name) => {
      const awsName = passingAction(name).awsName ?? ''
      return [...texts].some((text) => hasAwsName(text, awsName))
    })
    .map((name) => exactPattern(name))
  const { classes, complete } = classesOf([...patterns, ...named])
  const members = classes.map(({ members, witness }) => {
    const action = passingAction(witness)
    const within = new Set(members.map((place) => (patterns[place] ?? named[place - patterns.length])?.text ?? witness))
    if (action.awsName) for (const { text } of patterns) if (hasAwsName(text, action.awsName)) within.add(text)
    return { witness, within, action }
  })
  return { regions: spelled(members), complete }
}

/** Whether a pattern of two fields has the name AWS gives an action. */
function hasAwsName(text: string, awsName: string): boolean {
  return text.split(':').length === 2 && matchesWildcard(parseWildcard(text), awsName)
}

/** One resource alone. */
export function singleRegion(resource: string): Region {
  return { witness: resource, pattern: resource, except: [], within: new Set([resource]) }
}

/** What variables stand for. */
export interface Variables {
  isOpen(key: string): boolean
  /** How many may differ in the values of those that are not open. */
  readonly sides: number
  /** The value of one that is not open; undefined where it has none, and then its pattern matches nothing. */
  known(variable: Variable, side: number): { readonly literal: string } | undefined
  /** Values that are tried for open ones, each giving a region of its own. */
  tried(variables: readonly Variable[]): readonly string[]
}

/** The variables of a pattern. */
export function variablesOf(text: string): Variable[] {
  if (!text.includes('${')) return []
  const parts = parseTemplate(text, { wildcards: true })
  return typeof parts === 'string' ? [] : parts.filter((part): part is Variable => 'variable' in part)
}

/** The regions of resources that statements tell apart. A resource that is named by a condition is told apart as if the
 * element named it. */
export function resourceRegions(statements: readonly CompiledStatement[], variables: Variables): Regions {
  const patterns = new Map<string, Pattern>([['*', namePattern('*')]])
  const splitters: Pattern[] = []
  const add = (pattern: Pattern) => patterns.set(pattern.text, pattern)
  for (const statement of statements) {
    for (const text of statement.resources?.texts ?? []) {
      const names = variablesOf(text)
      if (names.length === 0) add(namePattern(text))
      for (let side = 0; names.length > 0 && side < variables.sides; side++) {
        const known = (one: Variable) => variables.known(one, side)
        if (!names.every((one) => variables.isOpen(one.variable) || known(one))) continue
        add(namePattern(text, (one) => known(one) ?? 'anything'))
        for (const value of variables.tried(names)) {
          splitters.push(namePattern(text, (one) => known(one) ?? { literal: value }))
        }
      }
    }
    for (const { canonicalKey, values } of statement.conditions) {
      if (canonicalKey === 'g:resourcearn') for (const value of values) splitters.push(namePattern(value))
      if (canonicalKey === 'g:resourceaccount') {
        for (const value of values) splitters.push(namePattern(`arn:*:*:*:${value}:*`))
      }
    }
  }
  const all = [...patterns.values()]
  const { classes, complete } = classesOf([...all, ...splitters])
  const members = classes.map(({ members, witness }) => ({
    witness,
    within: new Set(members.flatMap((place) => all[place]?.text ?? splitters[place - all.length]?.text ?? [])),
  }))
  return { regions: spelled(members), complete }
}

/** How each region is written: its narrowest pattern, and what of it belongs to others. */
function spelled<M extends { readonly witness: string; readonly within: ReadonlySet<string> }>(
  members: readonly M[],
): (M & Region)[] {
  const parts = new Map<string, Set<number>>()
  for (const [index, { within }] of members.entries()) {
    for (const pattern of within) {
      const known = parts.get(pattern)
      if (known) known.add(index)
      else parts.set(pattern, new Set([index]))
    }
  }
  const sizeOf = (pattern: string) => parts.get(pattern)?.size ?? 0
  return members.map((member) => {
    const byWidth = [...member.within].sort((a, b) => sizeOf(a) - sizeOf(b) || (a < b ? -1 : 1))
    const pattern = byWidth[0] ?? '*'
    const inside = parts.get(pattern) ?? new Set<number>()
    const outside = [...parts].filter(
      ([other, places]) => !member.within.has(other) && [...places].some((place) => inside.has(place)),
    )
    const widest = outside.filter(([, places]) =>
      outside.every(
        ([, wider]) => wider === places || wider.size <= places.size || ![...places].every((p) => wider.has(p)),
      ),
    )
    return { ...member, pattern, except: widest.map(([text]) => text).sort() }
  })
}
