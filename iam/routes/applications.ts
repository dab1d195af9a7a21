import { Type } from 'typebox'
import { type Api, contextOf, listSchema } from '../../platform/index.ts'
import type { ApplicationPolicy, ApplicationWorld } from '../applications/world.ts'
import type { Iam } from '../iam.ts'
import { APPLICATION_BYTES_MAX, APPLICATION_POLICIES_MAX, ENTITIES_MAX } from '../limits.ts'
import { type JsonNode, readJson } from '../policy/json.ts'
import { closed, documentSchema, malformedBody } from './forms.ts'

const word = Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9_.@/{}-]+$' })
const words = Type.Array(word, { maxItems: 1_000, uniqueItems: true })

const applicationSchema = Type.Object({
  name: Type.String(),
  subjectTypes: Type.Array(Type.String()),
  resourceTypes: Type.Array(Type.String()),
  actions: Type.Array(Type.String()),
  callers: Type.Array(Type.String()),
  entityCount: Type.Integer(),
  policies: Type.Array(Type.Object({ id: Type.String(), document: Type.String() })),
})

const form = ({ name, input }: ApplicationWorld) => ({
  name,
  subjectTypes: [...input.subjectTypes],
  resourceTypes: [...input.resourceTypes],
  actions: [...input.actions],
  callers: [...input.callers],
  entityCount: input.entities.length,
  policies: input.policies.map(({ id, document }) => ({ id, document })),
})

const everyApplication = 'arn:rampart:iam::{account}:application/*'
const oneApplication = 'arn:rampart:iam::{account}:application/{app}'
const appParam = closed({ app: Type.String() })
const tags = ['iam']

/** `/v1/iam/applications`. */
export function applicationRoutes(iam: Iam) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/applications',
      config: { access: { action: 'iam:application:list', resource: everyApplication } },
      schema: { summary: 'Lists applications', tags, response: { 200: listSchema(applicationSchema) } },
      handler: async (request) => ({ items: iam.applications.list(contextOf(request).principal.account).map(form) }),
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/applications/:app',
      config: { access: { action: 'iam:application:get', resource: oneApplication } },
      schema: { summary: 'Shows an application', tags, params: appParam, response: { 200: applicationSchema } },
      handler: async (request) => form(iam.applications.get(contextOf(request).principal.account, request.params.app)),
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/applications/:app',
      config: { access: { action: 'iam:application:put', resource: oneApplication } },
      bodyLimit: APPLICATION_BYTES_MAX,
      schema: {
        summary: 'Registers the world of a component: its types, actions, entities and policies',
        description:
          'Policies use `<app>:<resourceType>:<action>`, `arn:rampart:<app>:local:<account>:<type>/<id>` and the keys `subject.<p>`, `resource.<p>`, `action.<p>`, `context.<p>`. AuthZEN requests of the account are decided by it; `callers` names users whose token picks it.',
        tags,
        params: appParam,
        body: closed({
          subjectTypes: words,
          resourceTypes: words,
          actions: words,
          entities: Type.Optional(
            Type.Array(
              closed({
                type: word,
                id: Type.String({ minLength: 1, maxLength: 512 }),
                properties: Type.Optional(Type.Record(Type.String({ maxLength: 128 }), Type.Unknown())),
              }),
              { maxItems: ENTITIES_MAX },
            ),
          ),
          policies: Type.Optional(
            Type.Array(
              Type.Union([
                closed({ id: Type.Optional(Type.String({ maxLength: 128 })), document: documentSchema }),
                documentSchema,
              ]),
              { maxItems: APPLICATION_POLICIES_MAX },
            ),
          ),
          callers: Type.Optional(words),
        }),
        response: { 200: applicationSchema },
      },
      handler: async (request) => {
        const { entities = [], policies = [], callers = [], ...types } = request.body
        const world = await iam.applications.put(contextOf(request).principal.account, request.params.app, {
          ...types,
          callers,
          entities: entities.map(({ type, id, properties }) => ({ type, id, properties: properties ?? {} })),
          policies: policies.length > 0 ? readPolicies(request.rawBody) : [],
        })
        return form(world)
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/applications/:app',
      config: { access: { action: 'iam:application:delete', resource: oneApplication } },
      schema: { summary: 'Deletes an application', tags, params: appParam },
      handler: async (request, reply) => {
        await iam.applications.delete(contextOf(request).principal.account, request.params.app)
        return reply.code(204).send()
      },
    })
  }
}

/** Levels of the body around a policy document, and what properties of entities may be nested. */
const LEVELS_AROUND = 8

/** The policies as they were sent, so that duplicate members are seen.
 * @throws iam.policy.malformed */
function readPolicies(rawBody: Buffer | undefined): ApplicationPolicy[] {
  const text = rawBody?.toString('utf8') ?? ''
  const body = readBody(text)
  const list = memberOf(body, 'policies')
  if (list?.kind !== 'array') return []
  return list.items.map((item, index) => {
    const id = memberOf(item, 'id')
    const document = memberOf(item, 'document') ?? item
    return {
      id: id?.kind === 'string' && document !== item ? id.value : `policy${index}`,
      document: document.kind === 'string' ? document.value : text.slice(document.start, document.end),
    }
  })
}

function readBody(text: string): JsonNode {
  try {
    return readJson(text, LEVELS_AROUND)
  } catch (error) {
    throw malformedBody(text, error)
  }
}

function memberOf(node: JsonNode, name: string): JsonNode | undefined {
  return node.kind === 'object' ? node.members.find((member) => member.name === name)?.value : undefined
}
