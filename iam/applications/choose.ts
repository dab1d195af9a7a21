import type { ApplicationWorld } from './world.ts'

/** What a request names, as far as it does. */
export interface Mentioned {
  readonly subject?: { readonly type: string; readonly id?: string }
  readonly resource?: { readonly type: string; readonly id?: string }
  readonly action?: { readonly name: string }
}

/** The application a request is about: one that lists the caller, else the one whose world fits best. Where two fit
 * alike none is chosen: an application must not be able to answer for another by declaring its words. */
export function chooseApplication(
  worlds: readonly ApplicationWorld[],
  caller: string,
  mentioned: Mentioned,
): ApplicationWorld | 'ambiguous' | undefined {
  const bound = worlds.filter(({ input }) => input.callers.includes(caller))
  const candidates = bound.length > 0 ? bound : worlds
  if (bound.length === 1) return bound[0]
  const scored = candidates
    .map((world) => ({ world, score: fitness(world, mentioned) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
  const [best, second] = scored
  if (!best) return undefined
  return best.score === second?.score ? 'ambiguous' : best.world
}

/** 0 where a type is foreign to it; else how much of the request it knows. */
function fitness(world: ApplicationWorld, { subject, resource, action }: Mentioned): number {
  const { subjectTypes, resourceTypes, actions } = world.input
  if (subject && !subjectTypes.includes(subject.type)) return 0
  if (resource && !resourceTypes.includes(resource.type)) return 0
  const knows = (entity: Mentioned['subject']) =>
    entity?.id !== undefined && world.find({ type: entity.type, id: entity.id }) !== undefined
  return 1 + (action && actions.includes(action.name) ? 4 : 0) + (knows(resource) ? 2 : 0) + (knows(subject) ? 1 : 0)
}
