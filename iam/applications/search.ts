import type { ActionRef, ApplicationWorld, EntityRef, Evaluation, Properties } from './world.ts'

interface Partial<Searched extends 'subject' | 'action' | 'resource'> {
  readonly ask: Omit<Evaluation, Searched>
  /** Properties given for what is searched: they hold for each candidate. */
  readonly given?: Properties
}

/** Subjects of a type that may do the action on the resource, in the order in which they were registered. */
export function searchSubjects(world: ApplicationWorld, type: string, { ask, given }: Partial<'subject'>): EntityRef[] {
  if (!world.find(ask.resource)) return []
  return world
    .entitiesOf(type)
    .filter((entity) => world.evaluate({ ...ask, subject: ref(entity, given) }).allowed)
    .map(({ id }) => ({ type, id }))
}

/** Resources of a type on which the subject may do the action. */
export function searchResources(
  world: ApplicationWorld,
  type: string,
  { ask, given }: Partial<'resource'>,
): EntityRef[] {
  if (!world.find(ask.subject)) return []
  return world
    .entitiesOf(type)
    .filter((entity) => world.evaluate({ ...ask, resource: ref(entity, given) }).allowed)
    .map(({ id }) => ({ type, id }))
}

/** Actions the subject may do on the resource. */
export function searchActions(world: ApplicationWorld, { ask }: Partial<'action'>): ActionRef[] {
  if (!world.find(ask.subject) || !world.find(ask.resource)) return []
  return world.input.actions
    .filter((name) => world.evaluate({ ...ask, action: { name } }).allowed)
    .map((name) => ({ name }))
}

function ref(
  { type, id }: { readonly type: string; readonly id: string },
  properties: Properties | undefined,
): EntityRef {
  return properties === undefined ? { type, id } : { type, id, properties }
}
