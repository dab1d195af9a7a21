import type { ActionRegion, Region } from './space.ts'

/** An action region on a resource region, with what was found there; undefined where nothing was. */
export interface Cell<Found> {
  readonly action: ActionRegion
  readonly resource: Region
  readonly found: Found | undefined
}

/** The same found for every action and resource that two patterns have, or that are left of them. */
export interface Cover<Found> {
  readonly action: string
  readonly exceptActions: readonly string[]
  readonly resource: string
  readonly exceptResources: readonly string[]
  readonly found: Found
  readonly actions: readonly ActionRegion[]
}

interface Row<Found> {
  readonly action: ActionRegion
  readonly cells: readonly Cell<Found>[]
}

/** Puts cells together to as few rows as wide patterns allow. `keyOf` says what is the same.
 * @param allActions every region of actions, those included of which there are no cells */
export function coverOf<Found>(
  cells: readonly Cell<Found>[],
  allActions: readonly ActionRegion[],
  keyOf: (found: Found) => string,
): Cover<Found>[] {
  const rows = new Map<ActionRegion, Row<Found>>()
  const byAction = Map.groupBy(cells, ({ action }) => action)
  for (const [action, its] of byAction) rows.set(action, { action, cells: its })
  const keys = new Map(cells.map((cell) => [cell, cell.found === undefined ? undefined : keyOf(cell.found)]))
  const left = new Set(cells.filter(({ found }) => found !== undefined))
  const covers: Cover<Found>[] = []
  for (const [pattern, actions] of widestFirst(allActions)) {
    if (left.size === 0) break
    const its = actions.map((action) => rows.get(action))
    if (its.some((row) => row === undefined)) continue
    const [first, ...others] = its as readonly Row<Found>[]
    if (!first) continue
    for (const [name, inFirst] of widestFirst(first.cells.map(({ resource }) => resource))) {
      const inside = [
        ...first.cells.filter(({ resource }) => inFirst.includes(resource)),
        ...others.flatMap((row) => row.cells.filter(({ resource }) => resource.within.has(name))),
      ]
      const found = inside[0]?.found
      if (found === undefined || !inside.some((cell) => left.has(cell))) continue
      const key = keys.get(inside[0] as Cell<Found>)
      if (!inside.every((cell) => keys.get(cell) === key)) continue
      // In each row there must be some, or the pattern says more than was looked at.
      if (new Set(inside.map(({ action }) => action)).size < its.length) continue
      for (const cell of inside) left.delete(cell)
      covers.push({ action: pattern, exceptActions: [], resource: name, exceptResources: [], found, actions })
    }
  }
  for (const { action, resource, found } of left) {
    if (found === undefined) continue
    covers.push({
      action: action.pattern,
      exceptActions: action.except,
      resource: resource.pattern,
      exceptResources: resource.except,
      found,
      actions: [action],
    })
  }
  return distinct(covers, keyOf)
}

function widestFirst<R extends Region>(regions: readonly R[]): [string, R[]][] {
  const members = new Map<string, R[]>()
  for (const region of regions) {
    for (const pattern of region.within) {
      const known = members.get(pattern)
      if (known) known.push(region)
      else members.set(pattern, [region])
    }
  }
  return [...members].sort(([a, x], [b, y]) => y.length - x.length || a.length - b.length || (a < b ? -1 : 1))
}

function distinct<Found>(covers: readonly Cover<Found>[], keyOf: (found: Found) => string): Cover<Found>[] {
  const seen = new Map<string, Cover<Found>>()
  for (const cover of covers) {
    const { action, exceptActions, resource, exceptResources, found } = cover
    seen.set(JSON.stringify([action, exceptActions, resource, exceptResources, keyOf(found)]), cover)
  }
  return [...seen.values()]
}
