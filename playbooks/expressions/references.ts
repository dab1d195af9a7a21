import type { ASTNode } from '@marcbachmann/cel-js'

/** A place where an expression reads a step. */
export interface StepRead {
  readonly step: string
  /** `output` in `steps.x.output`; undefined where the step is used as a whole. */
  readonly member: string | undefined
  /** True for `steps.x.?output` and `steps.?x`, and inside `has(…)`. */
  readonly guarded: boolean
  readonly start: number
}

/** What an expression's text names, before any type is known. */
export interface References {
  readonly roots: ReadonlySet<string>
  readonly stepReads: readonly StepRead[]
  /** `steps` used as a value or indexed by something computed. */
  readonly bareSteps: readonly number[]
  /** Calls of `.matches`, which would run a backtracking engine. */
  readonly matchesCalls: readonly number[]
  readonly comprehensionDepth: number
  /** Constant patterns given to `re` and `re_find`. */
  readonly patterns: readonly { readonly text: string; readonly start: number }[]
}

const COMPREHENSIONS = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

interface Found {
  readonly roots: Set<string>
  readonly stepReads: StepRead[]
  readonly bareSteps: number[]
  readonly matchesCalls: number[]
  readonly patterns: { text: string; start: number }[]
  comprehensionDepth: number
}

interface Place {
  /** Names bound by comprehensions around. */
  readonly bound: ReadonlySet<string>
  readonly depth: number
  readonly inHas: boolean
}

/** Everything that `ast` names. The parser bounds its depth, so the walk may recurse. */
export function referencesOf(ast: ASTNode): References {
  const found: Found = {
    roots: new Set(),
    stepReads: [],
    bareSteps: [],
    matchesCalls: [],
    patterns: [],
    comprehensionDepth: 0,
  }
  walk(ast, found, { bound: new Set(), depth: 0, inHas: false })
  return found
}

function walk(node: ASTNode, found: Found, place: Place): void {
  switch (node.op) {
    case 'value':
      return
    case 'id':
      if (place.bound.has(node.args)) return
      found.roots.add(node.args)
      if (node.args === 'steps') found.bareSteps.push(node.start)
      return
    case '.':
    case '.?':
      if (!readsStep(node, found, place)) walk(node.args[0], found, place)
      return
    case 'call':
      walkCall(node.args[0], node.args[1], node.start, found, place)
      return
    case 'rcall':
      walkMethod(node.args[0], node.args[1], node.args[2], node.start, found, place)
      return
    case 'list':
      for (const item of node.args) walk(item, found, place)
      return
    case 'map':
      for (const [key, value] of node.args) {
        walk(key, found, place)
        walk(value, found, place)
      }
      return
    case '!_':
    case '-_':
      walk(node.args, found, place)
      return
    default:
      for (const operand of node.args as readonly ASTNode[]) walk(operand, found, place)
  }
}

/** Takes `steps.x` and `steps.x.member`, in all their optional forms. */
function readsStep(node: ASTNode & { op: '.' | '.?' }, found: Found, place: Place): boolean {
  const [left, name] = node.args
  if (isStepsRoot(left, place)) {
    found.roots.add('steps')
    found.stepReads.push({
      step: name,
      member: undefined,
      guarded: node.op === '.?' || place.inHas,
      start: node.end - name.length,
    })
    return true
  }
  if ((left.op === '.' || left.op === '.?') && isStepsRoot(left.args[0], place)) {
    found.roots.add('steps')
    found.stepReads.push({
      step: left.args[1],
      member: name,
      guarded: node.op === '.?' || left.op === '.?' || place.inHas,
      start: left.end - left.args[1].length,
    })
    return true
  }
  return false
}

function isStepsRoot(node: ASTNode, place: Place): boolean {
  return node.op === 'id' && node.args === 'steps' && !place.bound.has('steps')
}

function walkCall(name: string, args: readonly ASTNode[], start: number, found: Found, place: Place): void {
  const pattern = args[1]
  if ((name === 're' || name === 're_find') && pattern?.op === 'value' && typeof pattern.args === 'string') {
    found.patterns.push({ text: pattern.args, start })
  }
  const inside = name === 'has' ? { ...place, inHas: true } : place
  for (const arg of args) walk(arg, found, inside)
}

function walkMethod(
  name: string,
  receiver: ASTNode,
  args: readonly ASTNode[],
  start: number,
  found: Found,
  place: Place,
): void {
  if (name === 'matches') found.matchesCalls.push(start)
  const variable = args[0]
  if (COMPREHENSIONS.has(name) && variable?.op === 'id' && args.length > 1) {
    walk(receiver, found, place)
    const depth = place.depth + 1
    found.comprehensionDepth = Math.max(found.comprehensionDepth, depth)
    const inside = { ...place, depth, bound: new Set(place.bound).add(variable.args) }
    for (const arg of args.slice(1)) walk(arg, found, inside)
    return
  }
  const [bound, value, body] = args
  if (name === 'bind' && receiver.op === 'id' && receiver.args === 'cel' && bound?.op === 'id' && value && body) {
    walk(value, found, place)
    walk(body, found, { ...place, bound: new Set(place.bound).add(bound.args) })
    return
  }
  walk(receiver, found, place)
  for (const arg of args) walk(arg, found, place)
}
