import type { ContextValue } from '../../platform/index.ts'
import { decide, type Layers } from '../decision/decide.ts'
import { nativeEvaluator } from '../decision/native.ts'
import { type Condition, parseOperatorName } from '../policy/condition.ts'
import { findContextKey } from '../policy/context-keys.ts'
import { findOperator } from '../policy/operators.ts'
import type { CompiledStatement, Question } from '../policy/statement.ts'
import type { KeyValues, Variable } from '../policy/text-pattern.ts'
import { type Cell, type Cover, coverOf } from './cover.ts'
import { CELLS_MAX, CONTEXTS_PER_CELL_MAX } from './limits.ts'
import { OpenKeys } from './open-keys.ts'
import { isNow, type Remainder, remainderOf, residueOf } from './residue.ts'
import type { PlacedStatement, Side } from './side.ts'
import {
  type ActionRegion,
  actionRegions,
  type Regions,
  resourceRegions,
  singleRegion,
  type Variables,
  variablesOf,
} from './space.ts'
import { anyTexts, combinations, tellingValues, type Values } from './values.ts'
import { type Ability, abilityOf } from './who-can.ts'

/** Access on one side, or none. */
export type Access = Ability | { readonly can: 'no' }

/** What changes from one side to the other, and a request that shows it. */
export interface Change {
  readonly before: Access
  readonly after: Access
  readonly example: Example
  /** True where there were too many values to try them all: then it may be, and is taken to be. */
  readonly isGuess: boolean
}

/** A request that only one side allows; a key that is absent there is null. */
export interface Example {
  readonly action: string
  readonly resource: string
  readonly context: Readonly<Record<string, ContextValue | null>>
}

export interface Difference {
  readonly gains: readonly Cover<Change>[]
  readonly loses: readonly Cover<Change>[]
  /** False where there was more to compare than is compared. */
  readonly complete: boolean
}

const NOTHING: Difference = { gains: [], loses: [], complete: true }
const NO_KEYS: ReadonlySet<string> = new Set()

/** What the second side allows and the first does not, and the other way round, over every action and resource that
 * statements tell apart and every value of the request that conditions do. Only what a statement of one side alone can
 * touch is looked at; with a `resource` all there is about that one. */
export function differenceOf(before: Side, after: Side, resource?: string): Difference {
  const isAsBefore = sameKeys(before, after)
  const changed = resource === undefined ? changedStatements(before, after, isAsBefore) : statementsOf(before, after)
  if (changed.length === 0) return NOTHING
  const all = statementsOf(before, after)
  const { regions, complete } = actionRegions(all)
  const gains: Cell<Change>[] = []
  const loses: Cell<Change>[] = []
  let isComplete = complete
  for (const region of regions) {
    const concerned = changed.filter(({ actions }) => actions.has(region.action))
    if (concerned.length === 0) continue
    const relevant = all.filter(({ actions }) => actions.has(region.action))
    const values = new TriedValues(relevant, before, after)
    const resources: Regions =
      resource === undefined ? resourceRegions(relevant, values) : { regions: [singleRegion(resource)], complete: true }
    isComplete &&= resources.complete
    if (gains.length + resources.regions.length > CELLS_MAX)
      return { ...coverBoth(gains, loses, regions), complete: false }
    for (const resource of resources.regions) {
      const change = compare(before, after, {
        action: region,
        resource: resource.witness,
        values,
        isAsBefore,
      })
      gains.push({ action: region, resource, found: change.gain })
      loses.push({ action: region, resource, found: change.loss })
    }
  }
  return { ...coverBoth(gains, loses, regions), complete: isComplete }
}

function coverBoth(gains: Cell<Change>[], loses: Cell<Change>[], regions: readonly ActionRegion[]) {
  const keyOf = ({ before, after, isGuess }: Change) => JSON.stringify([wordsOf(before), wordsOf(after), isGuess])
  return { gains: coverOf(gains, regions, keyOf), loses: coverOf(loses, regions, keyOf) }
}

function wordsOf(access: Access): string {
  return 'if' in access ? (access.if ?? '') : access.can
}

interface Point {
  readonly action: ActionRegion
  readonly resource: string
  readonly values: TriedValues
  /** Whether everything looks at keys that say on both sides the same. */
  readonly isAsBefore: (key: string) => boolean
}

interface Compared {
  readonly gain?: Change | undefined
  readonly loss?: Change | undefined
}

function compare(before: Side, after: Side, { action, resource, values, isAsBefore }: Point): Compared {
  const old = standing(before, action, resource)
  const next = standing(after, action, resource)
  if (sameText(old?.left, next?.left, isAsBefore)) return {}
  const access = { before: accessOf(old?.left), after: accessOf(next?.left) }
  const { keys, complete, count } = values.triedFor([old, next])
  let gain: Change | undefined
  let loss: Change | undefined
  for (const given of combinations(keys, CONTEXTS_PER_CELL_MAX)) {
    const [was, is] = [allows(old, given), allows(next, given)]
    if (was === is) continue
    const context = contextOf(given)
    const change: Change = { ...access, example: { action: action.witness, resource, context }, isGuess: false }
    if (is) gain ??= change
    else loss ??= change
    if (gain && loss) break
  }
  if (!complete || count > CONTEXTS_PER_CELL_MAX) {
    // Deny on doubt: what could be new access is.
    const example = { action: action.witness, resource, context: {} }
    if (next?.left) gain ??= { ...access, example, isGuess: true }
  }
  return { gain, loss }
}

interface Standing {
  readonly layers: Layers
  readonly question: Question
  readonly left: Remainder | undefined
}

function standing(side: Side, { action }: ActionRegion, resource: string): Standing | undefined {
  const found = side.at(action, resource)
  if (!found) return undefined
  const left = remainderOf(found.layers, found.question, new OpenKeys(found.question.keys, NO_KEYS, side))
  return { ...found, left }
}

function accessOf(left: Remainder | undefined): Access {
  return left ? abilityOf(left) : { can: 'no' }
}

/** Whether two say the same, word for word, whatever the statements are called. */
function sameText(a: Remainder | undefined, b: Remainder | undefined, isAsBefore: (key: string) => boolean): boolean {
  if (!a || !b) return a === b
  if (isNow(a) && isNow(b)) return true
  const terms = [...a.when.flat(), ...a.unless]
  if (!terms.every(({ statement }) => keysOfStatement(statement).every(isAsBefore))) return false
  return textOf(a) === textOf(b)
}

function textOf(left: Remainder): string {
  const { when, unless } = residueOf(left)
  const conditions = (alternatives: (typeof when)[number]) =>
    alternatives.map((one) => JSON.stringify(one.conditions)).sort()
  return JSON.stringify([when.map(conditions).map(String).sort(), conditions(unless)])
}

function allows(standing: Standing | undefined, given: ReadonlyMap<string, ContextValue | undefined>): boolean {
  if (!standing?.left) return false
  const { layers, question } = standing
  const keys: KeyValues = { get: (key, spelled) => (given.has(key) ? given.get(key) : question.keys.get(key, spelled)) }
  return decide(layers, { ...question, keys }, nativeEvaluator).reason === 'allow'
}

function contextOf(given: ReadonlyMap<string, ContextValue | undefined>): Example['context'] {
  return Object.fromEntries([...given].map(([key, value]) => [spelledKey(key), value ?? null]))
}

function spelledKey(key: string): string {
  const name = findContextKey(key)?.name ?? key
  return `${name}${key.slice(name.length)}`
}

function statementsOf(before: Side, after: Side): CompiledStatement[] {
  return [...new Set([...before.statements, ...after.statements].map(({ statement }) => statement))]
}

/** Whether a key that is not for the request to bring has the same value on both sides. */
function sameKeys(before: Side, after: Side): (key: string) => boolean {
  const known = new Map<string, boolean>()
  return (key) => {
    let isSame = known.get(key)
    if (isSame === undefined) {
      const isSettledOnBoth = !before.isOpen(key) && !after.isOpen(key)
      isSame = !isSettledOnBoth || JSON.stringify(before.keys.get(key)) === JSON.stringify(after.keys.get(key))
      known.set(key, isSame)
    }
    return isSame
  }
}

/** Statements that only one side has or that look at what changed of the principal, and all where a whole layer comes or
 * goes. */
function changedStatements(before: Side, after: Side, isAsBefore: (key: string) => boolean): CompiledStatement[] {
  const [old, next] = [before.statements, after.statements]
  const layers = (statements: readonly PlacedStatement[]) => new Set(statements.map(({ layer }) => layer))
  const isBound = (layer: string) => !['identity', 'resource'].includes(layer)
  const bounds = (statements: readonly PlacedStatement[]) => [...layers(statements)].filter(isBound).sort().join()
  if (bounds(old) !== bounds(next)) return statementsOf(before, after)
  const had = new Map(old.map((one) => [placedContent(one), one.statement]))
  const has = new Map(next.map((one) => [placedContent(one), one.statement]))
  const looking = [...had.values(), ...has.values()].filter(
    (statement) => !keysOfStatement(statement).every(isAsBefore),
  )
  return [
    ...looking,
    ...[...had].flatMap(([key, statement]) => (has.has(key) ? [] : [statement])),
    ...[...has].flatMap(([key, statement]) => (had.has(key) ? [] : [statement])),
  ]
}

const placedContent = ({ statement, layer }: PlacedStatement) => `${layer} ${contentOf(statement)}`

const contents = new WeakMap<CompiledStatement, string>()

/** What a statement says, whatever it is called. */
export function contentOf(statement: CompiledStatement): string {
  const known = contents.get(statement)
  if (known !== undefined) return known
  const { effect, actions, resources, conditions, principals } = statement
  const content = JSON.stringify([
    effect,
    actions.negated,
    actions.texts,
    resources?.negated,
    resources?.texts,
    conditions.map(({ operator, key, values }) => [operator, key, values]),
    principals?.texts,
  ])
  contents.set(statement, content)
  return content
}

/** The values tried for each open key that statements about one action look at. */
class TriedValues implements Variables {
  readonly #sides: readonly Side[]
  readonly #byKey = new Map<string, { values: Values; complete: boolean }>()
  readonly #conditions = new Map<string, Condition[]>()

  constructor(statements: readonly CompiledStatement[], before: Side, after: Side) {
    this.#sides = [before, after]
    for (const { conditions } of statements) {
      for (const condition of conditions) {
        const key = keyTried(condition.canonicalKey)
        this.#conditions.set(key, [...(this.#conditions.get(key) ?? []), condition])
      }
    }
  }

  isOpen(key: string): boolean {
    return this.#sides.some((side) => side.isOpen(key))
  }

  readonly sides = 2

  known({ variable, fallback }: Variable, side: number): { readonly literal: string } | undefined {
    if (this.isOpen(variable)) return undefined
    const value = this.#sides[side]?.keys.get(variable)
    if (value !== undefined && typeof value !== 'object') return { literal: String(value) }
    return fallback === undefined ? undefined : { literal: fallback }
  }

  tried(variables: readonly Variable[]): readonly string[] {
    const open = variables.filter(({ variable }) => this.isOpen(variable))
    return [
      ...new Set(open.flatMap(({ variable, fallback }) => [...this.#texts(variable), ...(fallback ? [fallback] : [])])),
    ]
  }

  /** For the statements that may matter for a resource. */
  triedFor(standings: readonly (Standing | undefined)[]): {
    keys: [string, Values][]
    complete: boolean
    count: number
  } {
    const wanted = new Set<string>()
    for (const standing of standings) {
      for (const statement of standing ? openStatements(standing) : []) {
        for (const key of keysOfStatement(statement)) if (this.isOpen(key)) wanted.add(keyTried(key))
      }
    }
    let complete = true
    let count = 1
    const keys = [...wanted].map((key): [string, Values] => {
      const tried = this.#valuesOf(key)
      complete &&= tried.complete
      count *= tried.values.length
      return [key, tried.values]
    })
    return { keys, complete, count }
  }

  #valuesOf(key: string): { values: Values; complete: boolean } {
    const known = this.#byKey.get(key)
    if (known) return known
    const conditions = this.#conditions.get(key)
    // A key whose values depend on itself through others gets the plain texts then.
    this.#byKey.set(key, { values: anyTexts, complete: true })
    const made = conditions
      ? tellingValues(key, conditions, (variable) => this.#textsOrValue(variable))
      : { values: anyTexts, complete: true }
    this.#byKey.set(key, made)
    return made
  }

  #textsOrValue(variable: string): readonly string[] {
    if (this.isOpen(variable)) return this.#texts(variable)
    return [0, 1].flatMap((side) => this.known({ variable }, side)?.literal ?? [])
  }

  #texts(key: string): readonly string[] {
    const texts = this.#valuesOf(keyTried(key)).values.filter((value) => typeof value === 'string')
    return [...new Set([...texts, ...anyTexts.filter((value) => typeof value === 'string')])]
  }
}

/** The time of day is tried as times. */
function keyTried(key: string): string {
  return key === 'g:timeofday' ? 'g:currenttime' : key
}

/** Statements that did not settle by themselves. */
function openStatements({ left }: Standing): CompiledStatement[] {
  if (!left) return []
  return [...left.when.flat(), ...left.unless].map(({ statement }) => statement)
}

function keysOfStatement({ conditions, resources }: CompiledStatement): string[] {
  const texts = [
    ...(resources?.texts ?? []),
    ...conditions.flatMap(({ operator, values }) =>
      findOperator(parseOperatorName(operator).base)?.takesVariables ? values : [],
    ),
  ]
  return [
    ...conditions.map(({ canonicalKey }) => canonicalKey),
    ...texts.flatMap((text) => variablesOf(text).map(({ variable }) => variable)),
  ]
}
