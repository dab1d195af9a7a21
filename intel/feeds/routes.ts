import { Type } from 'typebox'
import {
  type Api,
  etagOf,
  formatInstant,
  ifMatchHeader,
  placesOf,
  type WorkspaceRouteDeps,
} from '../../platform/index.ts'
import { CONFIDENCE_DEFAULT } from '../forms.ts'
import { importFormats } from '../import/reading.ts'
import {
  FEED_INTERVAL_SEC_DEFAULT,
  FEED_INTERVAL_SEC_MAX,
  FEED_INTERVAL_SEC_MIN,
  FEED_SECRET_CHARS_MAX,
  FEED_URL_CHARS_MAX,
} from '../limits.ts'
import type { Feeds } from './feeds.ts'
import { type Feed, type FeedOutcome, feedKinds } from './types.ts'

const workspaceParams = Type.Object({ ws: Type.String() })
const feedParams = Type.Object({ ws: Type.String(), name: Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' }) })
const ifMatch = Type.Object(ifMatchHeader)
const ofFeed = 'arn:rampart:siem:{region}:{account}:feed/{ws}/{name}'
const tags = ['feeds']

const settings = {
  kind: Type.Enum([...feedKinds], {
    description:
      'taxii: `url` is a collection of TAXII 2.1; file: a file of indicators; misp: a feed folder with manifest.json; misp-api: the base of a MISP, whose key is `authorization`',
  }),
  url: Type.String({ maxLength: FEED_URL_CHARS_MAX }),
  enabled: Type.Optional(Type.Boolean({ default: true })),
  intervalSec: Type.Optional(
    Type.Integer({
      minimum: FEED_INTERVAL_SEC_MIN,
      maximum: FEED_INTERVAL_SEC_MAX,
      default: FEED_INTERVAL_SEC_DEFAULT,
    }),
  ),
  confidence: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: CONFIDENCE_DEFAULT })),
  format: Type.Optional(Type.Enum([...importFormats])),
  pushSightings: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'misp-api: tell it when its attributes were met, and when that was wrong; nothing of who met them.',
    }),
  ),
}
const feedInput = Type.Object(
  {
    ...settings,
    authorization: Type.Optional(
      Type.Union(
        [
          // A control character would be another header.
          Type.String({ minLength: 1, maxLength: FEED_SECRET_CHARS_MAX, pattern: '^[\\x20-\\x7e]+$' }),
          Type.Null(),
        ],
        { description: 'The `Authorization` header; never told again. null takes it away.' },
      ),
    ),
  },
  { additionalProperties: false },
)
const feedSchema = Type.Object({
  name: Type.String(),
  ...settings,
  authorized: Type.Boolean(),
  nextAt: Type.String(),
  last: Type.Optional(
    Type.Object({
      at: Type.String(),
      created: Type.Integer(),
      updated: Type.Integer(),
      refused: Type.Integer(),
      error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
      succeededAt: Type.Optional(Type.String({ description: 'When it was last read without failure.' })),
    }),
  ),
  createdAt: Type.String(),
  updatedAt: Type.String(),
})

/** `/v1/workspaces/{ws}/feeds`.
 * @param deps.requireWorkspace throws what the caller is told where there is no such workspace */
export function feedRoutes(feeds: Feeds, deps: WorkspaceRouteDeps) {
  return (api: Api): void => {
    const placeOf = placesOf(deps)

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/feeds',
      config: {
        access: { action: 'siem:feed:list', resource: 'arn:rampart:siem:{region}:{account}:workspace/{ws}' },
      },
      schema: {
        summary: 'Lists feeds of indicators',
        tags,
        params: workspaceParams,
        response: { 200: Type.Object({ items: Type.Array(feedSchema) }) },
      },
      handler: async (request) => {
        const place = await placeOf(request)
        return { items: (await feeds.list(place)).map(toAnswer) }
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/feeds/:name',
      config: { access: { action: 'siem:feed:put', resource: ofFeed } },
      schema: {
        summary: 'Makes a feed of indicators, or changes it; it is read at once, then at its interval',
        description: 'It is read only where `playbooks.egress_allow` lists its host.',
        tags,
        params: feedParams,
        headers: ifMatch,
        body: feedInput,
        response: { 200: feedSchema },
      },
      handler: async (request, reply) => {
        const place = await placeOf(request)
        const {
          enabled = true,
          intervalSec = FEED_INTERVAL_SEC_DEFAULT,
          confidence = CONFIDENCE_DEFAULT,
          ...given
        } = request.body
        const feed = await feeds.put(
          place,
          request.params.name,
          { ...given, enabled, intervalSec, confidence },
          request.headers['if-match'],
        )
        return reply.header('etag', etagOf(feed.revision)).send(toAnswer(feed))
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/feeds/:name',
      config: { access: { action: 'siem:feed:get', resource: ofFeed } },
      schema: { summary: 'A feed of indicators', tags, params: feedParams, response: { 200: feedSchema } },
      handler: async (request, reply) => {
        const place = await placeOf(request)
        const feed = await feeds.get(place, request.params.name)
        return reply.header('etag', etagOf(feed.revision)).send(toAnswer(feed))
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/workspaces/:ws/feeds/:name',
      config: { access: { action: 'siem:feed:delete', resource: ofFeed } },
      schema: {
        summary: 'Deletes a feed; what it brought stays, and decays',
        tags,
        params: feedParams,
        headers: ifMatch,
        response: { 204: Type.Null() },
      },
      handler: async (request, reply) => {
        const place = await placeOf(request)
        await feeds.delete(place, request.params.name, request.headers['if-match'])
        return reply.code(204).send(null)
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/feeds/:name(^[^:]+)::poll',
      config: { access: { action: 'siem:feed:poll', resource: ofFeed } },
      schema: {
        summary: 'Reads a feed now',
        description: 'The answer names a job; `GET /v1/jobs/{id}` tells how far it is.',
        tags,
        params: feedParams,
        response: { 202: Type.Object({ jobId: Type.String() }) },
      },
      handler: async (request, reply) => {
        const place = await placeOf(request)
        const { id } = await feeds.poll(place, request.params.name)
        return reply.code(202).send({ jobId: id })
      },
    })
  }
}

function toLast({ at, succeededAt, ...outcome }: FeedOutcome) {
  return {
    at: formatInstant(at),
    ...outcome,
    ...(succeededAt === undefined ? {} : { succeededAt: formatInstant(succeededAt) }),
  }
}

function toAnswer({ name, kind, url, enabled, intervalSec, confidence, format, pushSightings, ...feed }: Feed) {
  const { authorized, nextAt, outcome, createdAt, updatedAt } = feed
  return {
    ...{ name, kind, url, enabled, intervalSec, confidence, authorized },
    ...(format === undefined ? {} : { format }),
    ...(pushSightings === undefined ? {} : { pushSightings }),
    nextAt: formatInstant(nextAt),
    ...(outcome === undefined ? {} : { last: toLast(outcome) }),
    createdAt: formatInstant(createdAt),
    updatedAt: formatInstant(updatedAt),
  }
}
