import type { ContextValue, Principal } from '../../platform/index.ts'
import type { IamAuthorizer } from '../authorizer.ts'
import { ActionSet } from '../policy/action-set.ts'
import type { ResourcePolicies } from '../resource-policies.ts'
import { type Cell, type Cover, coverOf } from './cover.ts'
import { escalationsIn } from './escalation-actions.ts'
import { CELLS_MAX } from './limits.ts'
import { OpenKeys } from './open-keys.ts'
import { remainderOf } from './residue.ts'
import { type Side, sideOf } from './side.ts'
import { type ActionRegion, actionRegions, resourceRegions, singleRegion, type Variables } from './space.ts'
import { type Ability, abilityOf, judge } from './who-can.ts'

export interface WhatCanDeps {
  readonly authorizer: IamAuthorizer
  readonly resourcePolicies: ResourcePolicies
}

export interface WhatCanInput {
  /** Only actions of this pattern. */
  readonly action?: string
  /** Only this resource, with the policy on it. */
  readonly resource?: string
  /** What is known of the request; all else is open. */
  readonly context: ReadonlyMap<string, ContextValue>
}

/** Something a principal can do: every action of `action` but `exceptActions`, on every resource of `resource` but
 * `exceptResources`. */
export interface WhatCanItem extends Ability {
  readonly action: string
  readonly exceptActions: readonly string[]
  readonly resource: string
  readonly exceptResources: readonly string[]
  /** Those among the actions that let their holder get more. */
  readonly escalation: readonly string[]
  /** The resource's own policy has to let it too, and was not asked. */
  readonly needsResourcePolicy: boolean
}

/** What a principal can do now, or if what is left held: all layers counted, in the fewest rows that say it, those that
 * let it get more first. `complete` is false where there was more than is looked at. */
export async function whatCan(
  { authorizer, resourcePolicies }: WhatCanDeps,
  principal: Principal,
  input: WhatCanInput,
): Promise<{ readonly items: WhatCanItem[]; readonly complete: boolean }> {
  const side = sideOf(authorizer, principal, { context: input.context })
  const statements = side.statements.map(({ statement }) => statement)
  const onResource = input.resource === undefined ? undefined : await resourcePolicies.find(input.resource)
  const onIt = onResource?.list?.statements ?? []
  const asked = input.action === undefined ? [] : [input.action]
  const { regions, complete } = actionRegions([...statements, ...onIt], asked)
  const wanted = new ActionSet(input.action === undefined ? ['*'] : asked, false)
  const cells: Cell<Ability>[] = []
  let isComplete = complete
  for (const region of regions) {
    if (!wanted.has(region.action)) continue
    if (input.resource !== undefined) {
      const { context, resource } = input
      const found = judge(
        authorizer,
        principal,
        { action: region.witness, resource, context },
        { ...(onResource === undefined ? {} : { onResource }), passing: region.action },
      )
      cells.push({ action: region, resource: singleRegion(resource), found })
      continue
    }
    const relevant = statements.filter(({ actions }) => actions.has(region.action))
    if (!relevant.some(({ effect }) => effect === 'Allow')) continue
    const resources = resourceRegions(relevant, variablesOfSide(side))
    isComplete &&= resources.complete
    if (cells.length + resources.regions.length > CELLS_MAX) {
      isComplete = false
      break
    }
    for (const resource of resources.regions) {
      cells.push({ action: region, resource, found: abilityAt(side, region, resource.witness) })
    }
  }
  const covers = coverOf(cells, regions, ({ statements, if: words }) => JSON.stringify([statements, words]))
  const needs = (cover: Cover<Ability>) =>
    input.resource === undefined && resourcePolicies.isRequired(cover.action.split(':', 1)[0] ?? '')
  const items = covers.map(
    (cover): WhatCanItem => ({
      action: cover.action,
      exceptActions: cover.exceptActions,
      resource: cover.resource,
      exceptResources: cover.exceptResources,
      ...cover.found,
      escalation: escalationsIn(cover),
      needsResourcePolicy: needs(cover),
    }),
  )
  const order = ({ escalation, action, resource, if: words }: WhatCanItem) =>
    JSON.stringify([escalation.length === 0, action, resource, words ?? ''])
  return { items: items.sort((a, b) => (order(a) < order(b) ? -1 : 1)), complete: isComplete }
}

function abilityAt(side: Side, { action }: ActionRegion, resource: string): Ability | undefined {
  const found = side.at(action, resource)
  const left = found && remainderOf(found.layers, found.question, new OpenKeys(found.question.keys, new Set(), side))
  return left && abilityOf(left)
}

/** Open variables may stand for anything. */
function variablesOfSide(side: Side): Variables {
  return {
    isOpen: (key) => side.isOpen(key),
    sides: 1,
    known({ variable, fallback }) {
      const value = side.keys.get(variable)
      if (value !== undefined && typeof value !== 'object') return { literal: String(value) }
      return fallback === undefined ? undefined : { literal: fallback }
    },
    tried: () => [],
  }
}
