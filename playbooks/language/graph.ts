import type { Step } from './document.ts'

/** For each step, the ids of all steps that are surely done before it. Ids of `needs` that do not exist are left out;
 * a cycle gives its members each other. */
export function ancestorsOf(steps: readonly Step[]): ReadonlyMap<string, ReadonlySet<string>> {
  const byId = new Map(steps.map((step) => [step.id, step]))
  const ancestors = new Map<string, Set<string>>()
  for (const step of inOrder(steps)) {
    const found = new Set<string>()
    for (const id of step.needs) {
      if (!byId.has(id)) continue
      found.add(id)
      for (const further of ancestors.get(id) ?? []) found.add(further)
    }
    ancestors.set(step.id, found)
  }
  return ancestors
}

/** The steps so that each stands after what it needs, as far as there is no cycle; otherwise as written. */
function inOrder(steps: readonly Step[]): readonly Step[] {
  const known = new Set(steps.map((step) => step.id))
  const waiting = new Map<string, number>()
  const dependents = new Map<string, Step[]>()
  const ready: Step[] = []
  for (const step of steps) {
    const needs = step.needs.filter((id) => known.has(id))
    waiting.set(step.id, needs.length)
    if (needs.length === 0) ready.push(step)
    for (const id of needs) dependents.set(id, [...(dependents.get(id) ?? []), step])
  }
  const ordered: Step[] = []
  for (let step = ready.shift(); step; step = ready.shift()) {
    ordered.push(step)
    for (const dependent of dependents.get(step.id) ?? []) {
      const left = (waiting.get(dependent.id) ?? 0) - 1
      waiting.set(dependent.id, left)
      if (left === 0) ready.push(dependent)
    }
  }
  return [...ordered, ...steps.filter((step) => !ordered.includes(step))]
}

/** A cycle of `needs`, its first step repeated at the end; undefined where there is none. */
export function findCycle(steps: readonly Step[]): readonly string[] | undefined {
  const byId = new Map(steps.map((step) => [step.id, step]))
  const done = new Set<string>()
  for (const start of steps) {
    const path: string[] = []
    const onPath = new Set<string>()
    const stack: { id: string; next: number }[] = [{ id: start.id, next: 0 }]
    while (stack.length > 0) {
      const top = stack.at(-1)
      if (!top) break
      if (top.next === 0) {
        path.push(top.id)
        onPath.add(top.id)
      }
      const need = byId.get(top.id)?.needs[top.next]
      top.next += 1
      if (need === undefined) {
        stack.pop()
        path.pop()
        onPath.delete(top.id)
        done.add(top.id)
      } else if (onPath.has(need)) {
        return [...path.slice(path.indexOf(need)), need].reverse()
      } else if (byId.has(need) && !done.has(need)) {
        stack.push({ id: need, next: 0 })
      }
    }
  }
  return undefined
}

/** The longest way through the graph, each step weighing what `weightOf` says. There must be no cycle. */
export function longestWay(steps: readonly Step[], weightOf: (step: Step) => number): number {
  const lengths = new Map<string, number>()
  let longest = 0
  for (const step of inOrder(steps)) {
    const before = Math.max(0, ...step.needs.map((id) => lengths.get(id) ?? 0))
    const length = before + weightOf(step)
    lengths.set(step.id, length)
    longest = Math.max(longest, length)
  }
  return longest
}
