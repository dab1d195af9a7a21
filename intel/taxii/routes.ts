import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type AccountId, type Api, type Clock, contextOf, RampartError, uuidv7 } from '../../platform/index.ts'
import { intelError } from '../errors.ts'
import { CONFIDENCE_DEFAULT } from '../forms.ts'
import type { Imports } from '../import/import.ts'
import { isRecord } from '../import/json-depth.ts'
import type { Indicators } from '../indicators.ts'
import { PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, TAXII_BYTES_MAX, TAXII_MATCHES_MAX } from '../limits.ts'
import { formatMicros, microInstant } from '../stix/object.ts'
import { readStix } from '../stix/read-bundle.ts'
import type { StixStore, StoredObject } from '../stix/store.ts'
import type { Place } from '../types.ts'
import { type Collection, collectionsOf, findCollection, readCollection } from './collections.ts'

export interface TaxiiDeps {
  readonly indicators: Indicators
  readonly objects: StixStore
  readonly imports: Imports
  readonly clock: Clock
  readonly requireWorkspace: (account: AccountId, workspace: string) => Promise<unknown>
  readonly workspaces: (account: AccountId) => Promise<readonly string[]>
  /** The service's own URL, without a slash at the end. */
  readonly publicUrl: () => string
}

const MEDIA_TYPE = 'application/taxii+json;version=2.1'
const STIX_TYPE = 'application/stix+json;version=2.1'
const tags = ['TAXII 2.1']

const params = {
  root: Type.Object({ ws: Type.String() }),
  collection: Type.Object({ ws: Type.String(), collection: Type.String() }),
  object: Type.Object({ ws: Type.String(), collection: Type.String(), object: Type.String() }),
  status: Type.Object({ ws: Type.String(), status: Type.String() }),
}
const pageQuery = {
  added_after: Type.Optional(Type.String({ maxLength: 64 })),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  next: Type.Optional(Type.String({ maxLength: 64 })),
}
const matchText = Type.Optional(Type.String({ maxLength: 16_384, description: 'several with commas between' }))
const objectQuery = Type.Object({
  ...pageQuery,
  'match[id]': matchText,
  'match[type]': matchText,
  'match[version]': matchText,
  'match[spec_version]': matchText,
})
type Query = Partial<
  Record<'added_after' | 'next' | `match[${'id' | 'type' | 'version' | 'spec_version'}]`, string>
> & {
  readonly limit?: number
}

const json = Type.Unsafe<unknown>({ type: 'object' })
const ofRoots = 'arn:rampart:siem:{region}:{account}:collection/*'
const ofRoot = 'arn:rampart:siem:{region}:{account}:collection/{ws}/*'
const ofCollection = 'arn:rampart:siem:{region}:{account}:collection/{ws}/{collection}'

/** The TAXII 2.1 server. Each workspace is an API root.   @see OASIS TAXII 2.1 */
export function taxiiRoutes(deps: TaxiiDeps) {
  return (api: Api): void => {
    api.setErrorHandler((error, request, reply) => sendError(error, request, reply))
    api.addHook('preHandler', async (request) => requireMediaTypes(request))

    const placeOf = async (request: FastifyRequest): Promise<Place> => {
      const { account } = contextOf(request).principal
      const { ws: workspace } = request.params as { ws: string }
      await deps.requireWorkspace(account, workspace)
      return { account, workspace }
    }
    const collectionOf = async (request: FastifyRequest): Promise<{ place: Place; collection: Collection }> => {
      const place = await placeOf(request)
      const { collection: name } = request.params as { collection: string }
      const collection = findCollection(place, name)
      if (!collection) throw intelError('intel.taxii.notFound', `there is no collection \`${name}\``)
      return { place, collection }
    }

    api.route({
      method: 'GET',
      url: '/taxii2/',
      config: { access: { action: 'siem:collection:list', resource: ofRoots } },
      schema: { summary: 'What this server offers', tags, response: { 200: json } },
      handler: async (request, reply) => {
        const workspaces = await deps.workspaces(contextOf(request).principal.account)
        const roots = workspaces.map((workspace) => `${deps.publicUrl()}/taxii2/${encodeURIComponent(workspace)}/`)
        return send(reply, { title: 'Rampart', ...(roots[0] ? { default: roots[0] } : {}), api_roots: roots })
      },
    })

    api.route({
      method: 'GET',
      url: '/taxii2/:ws/',
      config: { access: { action: 'siem:collection:list', resource: ofRoot } },
      schema: { summary: 'An API root: a workspace', tags, params: params.root, response: { 200: json } },
      handler: async (request, reply) => {
        const { workspace } = await placeOf(request)
        return send(reply, { title: workspace, versions: [MEDIA_TYPE], max_content_length: TAXII_BYTES_MAX })
      },
    })

    api.route({
      method: 'GET',
      url: '/taxii2/:ws/collections/',
      config: { access: { action: 'siem:collection:list', resource: ofRoot } },
      schema: { summary: 'The collections of a workspace', tags, params: params.root, response: { 200: json } },
      handler: async (request, reply) =>
        send(reply, { collections: collectionsOf(await placeOf(request)).map(toCollection) }),
    })

    api.route({
      method: 'GET',
      url: '/taxii2/:ws/collections/:collection/',
      config: { access: { action: 'siem:collection:list', resource: ofCollection } },
      schema: { summary: 'A collection', tags, params: params.collection, response: { 200: json } },
      handler: async (request, reply) => send(reply, toCollection((await collectionOf(request)).collection)),
    })

    /** A page of objects, as `write` makes a body of it. */
    const page = async (
      request: FastifyRequest,
      reply: FastifyReply,
      more: Query,
      write: (objects: readonly StoredObject[]) => object,
    ) => {
      const { place, collection } = await collectionOf(request)
      const query = { ...(request.query as Query), ...more }
      const limit = Math.min(query.limit ?? PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX)
      const ids = listOf(query['match[id]'])
      const types = listOf(query['match[type]'])
      const specVersions = listOf(query['match[spec_version]'])
      const found = await readCollection(
        collection,
        place,
        {
          addedAfterUs: placeOfNext(query.next) ?? microsOf(query.added_after) ?? 0,
          limit: limit + 1,
          ...(ids ? { ids } : {}),
          ...(types ? { types } : {}),
          ...(specVersions ? { specVersions } : {}),
          versions: versionsOf(query['match[version]']),
        },
        deps,
      )
      const objects = found.slice(0, limit)
      const [first, last] = [objects[0], objects.at(-1)]
      if (first && last) {
        reply.header('x-taxii-date-added-first', formatMicros(first.addedUs))
        reply.header('x-taxii-date-added-last', formatMicros(last.addedUs))
      }
      const isMore = found.length > limit && last
      return { body: { ...(isMore ? { more: true, next: String(last.addedUs) } : {}), ...write(objects) }, objects }
    }

    api.route({
      method: 'GET',
      url: '/taxii2/:ws/collections/:collection/objects/',
      config: { access: { action: 'siem:collection:read', resource: ofCollection } },
      schema: {
        summary: 'The objects of a collection, in the order in which they came',
        tags,
        params: params.collection,
        querystring: objectQuery,
        response: { 200: json },
      },
      handler: async (request, reply) => send(reply, (await page(request, reply, {}, toObjects)).body),
    })

    api.route({
      method: 'GET',
      url: '/taxii2/:ws/collections/:collection/manifest/',
      config: { access: { action: 'siem:collection:read', resource: ofCollection } },
      schema: {
        summary: 'What is in a collection, without the objects',
        tags,
        params: params.collection,
        querystring: objectQuery,
        response: { 200: json },
      },
      handler: async (request, reply) => send(reply, (await page(request, reply, {}, toManifest)).body),
    })

    api.route({
      method: 'GET',
      url: '/taxii2/:ws/collections/:collection/objects/:object/',
      config: { access: { action: 'siem:collection:read', resource: ofCollection } },
      schema: {
        summary: 'An object, in its last version unless others are asked for',
        tags,
        params: params.object,
        querystring: Type.Object({ ...pageQuery, 'match[version]': matchText, 'match[spec_version]': matchText }),
        response: { 200: json },
      },
      handler: async (request, reply) => {
        const { object } = request.params
        const { body, objects } = await page(request, reply, { 'match[id]': object }, toObjects)
        if (objects.length === 0)
          throw intelError('intel.taxii.notFound', `there is no object \`${object.slice(0, 100)}\``)
        return send(reply, body)
      },
    })

    api.route({
      method: 'GET',
      url: '/taxii2/:ws/collections/:collection/objects/:object/versions/',
      config: { access: { action: 'siem:collection:read', resource: ofCollection } },
      schema: {
        summary: 'The versions of an object',
        tags,
        params: params.object,
        querystring: Type.Object({ ...pageQuery, 'match[spec_version]': matchText }),
        response: { 200: json },
      },
      handler: async (request, reply) => {
        const { object } = request.params
        const more = { 'match[id]': object, 'match[version]': 'all' }
        const { body, objects } = await page(request, reply, more, (found) => ({ versions: found.map(versionOf) }))
        if (objects.length === 0)
          throw intelError('intel.taxii.notFound', `there is no object \`${object.slice(0, 100)}\``)
        return send(reply, body)
      },
    })

    api.route({
      method: 'POST',
      url: '/taxii2/:ws/collections/:collection/objects/',
      bodyLimit: TAXII_BYTES_MAX,
      config: { access: { action: 'siem:collection:write', resource: ofCollection } },
      schema: {
        summary: 'Puts objects into a collection; what they say is acted on when this answers',
        tags,
        params: params.collection,
        response: { 202: json },
      },
      handler: async (request, reply) => {
        const { place, collection } = await collectionOf(request)
        if (!collection.canWrite) {
          throw intelError('intel.taxii.readOnly', `the collection ${collection.alias} takes no objects`)
        }
        const { body } = request
        if (!isRecord(body) || !Array.isArray(body.objects)) {
          throw intelError('intel.taxii.invalid', 'the body is an envelope: {"objects": […]}')
        }
        const source = `taxii:${contextOf(request).principal.name}`.slice(0, 128)
        const now = deps.clock.now()
        const options = { source, confidence: CONFIDENCE_DEFAULT }
        const reading = readStix(body.objects, { ...options, now })
        await deps.imports.apply(place, reading, options)
        const kept = new Set(reading.objects.map(({ id }) => id))
        const failures = reading.refused.filter(({ where }) => !kept.has(where))
        const status = {
          id: uuidv7(deps.clock),
          status: 'complete',
          request_timestamp: formatMicros(now * 1000),
          total_count: body.objects.length,
          success_count: reading.objects.length,
          successes: reading.objects.map(({ id, version }) => ({ id, version: version ?? formatMicros(now * 1000) })),
          failure_count: body.objects.length - reading.objects.length,
          failures: failures.map(({ where, message }) => ({ id: where, version: formatMicros(now * 1000), message })),
          pending_count: 0,
        }
        await deps.objects.putStatus(place, status.id, JSON.stringify(status), now)
        return send(reply.code(202), status)
      },
    })

    api.route({
      method: 'GET',
      url: '/taxii2/:ws/status/:status/',
      config: { access: { action: 'siem:collection:list', resource: ofRoot } },
      schema: {
        summary: 'What became of objects that were put, for a day',
        tags,
        params: params.status,
        response: { 200: json },
      },
      handler: async (request, reply) => {
        const status = await deps.objects.findStatus(await placeOf(request), request.params.status)
        if (status === undefined) throw intelError('intel.taxii.notFound', 'there is no such status, or not any more')
        return send(reply, JSON.parse(status) as object)
      },
    })
  }
}

/** @see TAXII 2.1, 1.6.8 (media types, negotiation) */
function requireMediaTypes(request: FastifyRequest): void {
  const { accept, 'content-type': contentType } = request.headers
  const acceptable = (accept ?? '*/*')
    .split(',')
    .some((range) => isTaxii(range) || /^\s*(\*|application)\/\*/.test(range))
  if (!acceptable) throw intelError('intel.taxii.notAcceptable', `this server answers ${MEDIA_TYPE}`)
  if (request.method === 'POST' && !isTaxii(contentType ?? '')) {
    throw intelError('intel.taxii.wrongMediaType', `this server takes ${MEDIA_TYPE}`)
  }
}

function isTaxii(mediaType: string): boolean {
  const [type = '', ...parameters] = mediaType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const version = parameters.find((parameter) => parameter.startsWith('version='))
  return type === 'application/taxii+json' && (version === undefined || version.replaceAll('"', '') === 'version=2.1')
}

/** Objects stand in the answer as they are kept, so it is put together by hand. */
function send(reply: FastifyReply, body: object): FastifyReply {
  return reply
    .header('content-type', MEDIA_TYPE)
    .serializer((value: object) => JSON.stringify(value))
    .send(body)
}

/** @see TAXII 2.1, 3.6.1 (error message) */
function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = error instanceof RampartError ? error : undefined
  const other = error as { statusCode?: number; validation?: unknown; message?: string }
  const status = known?.status ?? (other.validation ? 400 : (other.statusCode ?? 500))
  if (request.guarded) request.guarded.errorCode = known?.code ?? 'intel.taxii.malformed'
  if (status >= 500) request.log.error({ err: error, requestId: request.id }, 'a TAXII request failed')
  if (known?.retryAfterSec !== undefined) reply.header('retry-after', String(known.retryAfterSec))
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  const told =
    status >= 500 ? 'an internal error; the log names it under this id' : (known?.message ?? other.message ?? '')
  return send(reply.code(status), {
    title: known?.title ?? (status >= 500 ? 'Internal error' : 'Malformed request'),
    description: told,
    error_id: request.id,
    ...(known ? { error_code: known.code } : {}),
    http_status: String(status),
  })
}

function toCollection({ id, alias, title, description, canWrite }: Collection) {
  return { id, alias, title, description, can_read: true, can_write: canWrite, media_types: [STIX_TYPE] }
}

const toObjects = (objects: readonly StoredObject[]) =>
  objects.length === 0 ? {} : { objects: objects.map(({ json: text }) => JSON.parse(text) as unknown) }

const toManifest = (objects: readonly StoredObject[]) =>
  objects.length === 0
    ? {}
    : {
        objects: objects.map((object) => ({
          id: object.id,
          date_added: formatMicros(object.addedUs),
          version: versionOf(object),
          media_type: `application/stix+json;version=${object.specVersion}`,
        })),
      }

/** Of objects without versions, when they came stands for it.   @see TAXII 2.1, 5.3.1 (manifest-record) */
function versionOf({ version, addedUs }: StoredObject): string {
  return version === '' ? formatMicros(addedUs) : version
}

function listOf(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined
  const items = text.split(',').filter((item) => item !== '')
  if (items.length === 0 || items.length > TAXII_MATCHES_MAX) {
    throw intelError('intel.taxii.malformed', `a match has 1 to ${TAXII_MATCHES_MAX} values`)
  }
  return items
}

function versionsOf(text: string | undefined): string[] {
  return (listOf(text) ?? ['last']).map((version) => {
    if (['last', 'first', 'all'].includes(version)) return version
    const instant = microInstant(version)
    if (instant === undefined) {
      throw intelError('intel.taxii.malformed', '`match[version]` is last, first, all, or timestamps')
    }
    return instant
  })
}

function microsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const instant = microInstant(text)
  if (instant === undefined) throw intelError('intel.taxii.malformed', '`added_after` is a timestamp')
  return Date.parse(`${instant.slice(0, 19)}Z`) * 1000 + Number(instant.slice(20, 26))
}

function placeOfNext(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[0-9]{1,16}$/.test(text)) throw intelError('intel.taxii.malformed', '`next` is not one that this server gave')
  return Number(text)
}
