import { Type } from 'typebox'
import {
  type Api,
  contextOf,
  etagOf,
  type FilterCompiler,
  filterQuery,
  ifMatchHeader,
  listSchema,
  pageOf,
  pageQuery,
  placesOf,
  RampartError,
  type WorkspaceRouteDeps,
} from '../platform/index.ts'
import { intelError } from './errors.ts'
import { indicatorInput, indicatorSchema, sightingSchema, toAnswer, toSightingAnswer } from './forms.ts'
import { indicatorId } from './indicator-id.ts'
import type { Indicators, Statement } from './indicators.ts'
import {
  IMPORT_BYTES_MAX,
  IMPORT_ITEMS_MAX,
  PAGE_ITEMS_DEFAULT,
  PAGE_ITEMS_MAX,
  PROBLEMS_TOLD_MAX,
  VALUE_CHARS_MAX,
} from './limits.ts'
import { parseInput, statementOf } from './statement.ts'
import type { Indicator } from './types.ts'

export interface IntelRouteDeps extends WorkspaceRouteDeps {
  readonly compileFilter: FilterCompiler
}

const workspaceParams = Type.Object({ ws: Type.String() })
const indicatorParams = Type.Object({ ws: Type.String(), id: Type.String() })
const ifMatch = Type.Object(ifMatchHeader)
const ofIndicator = 'arn:rampart:siem:{region}:{account}:indicator/{ws}/{id}'
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['indicators']

const refusedSchema = Type.Object({ index: Type.Integer(), code: Type.String(), message: Type.String() })
const bulkSchema = Type.Object({
  accepted: Type.Integer(),
  created: Type.Integer(),
  updated: Type.Integer(),
  unchanged: Type.Integer(),
  rejectedCount: Type.Integer(),
  rejected: Type.Array(refusedSchema, { description: `The first ${PROBLEMS_TOLD_MAX}; \`index\` counts from 0.` }),
})

/** `/v1/workspaces/{ws}/indicators`. */
export function indicatorRoutes(indicators: Indicators, deps: IntelRouteDeps) {
  return (api: Api): void => {
    const placeOf = placesOf(deps)

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/indicators',
      config: { access: { action: 'siem:indicator:list', resource: ofWorkspace } },
      schema: {
        summary: 'Lists indicators',
        tags,
        params: workspaceParams,
        querystring: Type.Object({
          ...pageQuery({ max: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT }),
          ...filterQuery("type = 'domain' and active = true and score > 60"),
        }),
        response: {
          200: listSchema(indicatorSchema),
        },
      },
      handler: async (request) => {
        const { now } = contextOf(request)
        const place = await placeOf(request)
        const answer = (indicator: Indicator) => toAnswer(indicator, now)
        const page = pageOf(request.query, { limit: PAGE_ITEMS_DEFAULT, ...deps, now, toAnswer: answer })
        const listed = await indicators.list(place, page)
        return { ...listed, items: listed.items.map(answer) }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/indicators',
      bodyLimit: IMPORT_BYTES_MAX,
      config: { access: { action: 'siem:indicator:put', resource: ofWorkspace } },
      schema: {
        summary: 'Puts an indicator, or many',
        description:
          'One as `application/json`, or one JSON object a line as `application/x-ndjson`. They are matched with events when this answers. The id is made of type and value, so the same again changes what is there.',
        tags,
        params: workspaceParams,
        // The body is taken apart by its content type in the handler.
        body: {
          content: {
            'application/json': { schema: Type.Unsafe<unknown>(indicatorInput) },
            'application/x-ndjson': { schema: Type.Unsafe<unknown>({ description: 'One indicator a line.' }) },
          },
        },
        response: { 200: bulkSchema, 201: indicatorSchema },
      },
      handler: async (request, reply) => {
        const { now } = contextOf(request)
        const place = await placeOf(request)
        const { body } = request
        if (Buffer.isBuffer(body)) {
          const { statements, rejected } = readLines(body, now)
          const told = await indicators.tell(place, statements)
          const accepted = statements.length
          return { accepted, ...told, rejectedCount: rejected.length, rejected: rejected.slice(0, PROBLEMS_TOLD_MAX) }
        }
        const statement = statementOf(parseInput(body), now)
        await indicators.tell(place, [statement])
        const indicator = await indicators.get(place, indicatorId(statement.observable))
        return reply.code(201).header('etag', etagOf(indicator.revision)).send(toAnswer(indicator, now))
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/indicators::lookup',
      config: { access: { action: 'siem:indicator:list', resource: ofWorkspace } },
      schema: {
        summary: 'What is known of a value',
        description:
          'The indicators that an event with this value would meet: itself, networks around it, domains above it.',
        tags,
        params: workspaceParams,
        querystring: Type.Object({ value: Type.String({ minLength: 1, maxLength: VALUE_CHARS_MAX }) }),
        response: {
          200: Type.Object({ type: Type.String(), value: Type.String(), items: Type.Array(indicatorSchema) }),
        },
      },
      handler: async (request) => {
        const { now } = contextOf(request)
        const place = await placeOf(request)
        const { observable, indicators: found } = await indicators.lookUp(place, request.query.value)
        const items = found.map((indicator) => toAnswer(indicator, now))
        return { ...observable, items }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/indicators/:id',
      config: { access: { action: 'siem:indicator:get', resource: ofIndicator } },
      schema: { summary: 'An indicator', tags, params: indicatorParams, response: { 200: indicatorSchema } },
      handler: async (request, reply) => {
        const { now } = contextOf(request)
        const place = await placeOf(request)
        const indicator = await indicators.get(place, request.params.id)
        return reply.header('etag', etagOf(indicator.revision)).send(toAnswer(indicator, now))
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/indicators/:id',
      config: { access: { action: 'siem:indicator:put', resource: ofIndicator } },
      schema: {
        summary: 'Puts what a source says of an indicator; events are matched with it when this answers',
        description: 'The id is the one that POST gave for this type and value.',
        tags,
        params: indicatorParams,
        body: indicatorInput,
        response: { 200: indicatorSchema },
      },
      handler: async (request, reply) => {
        const { now } = contextOf(request)
        const place = await placeOf(request)
        const statement = statementOf(request.body, now)
        const id = indicatorId(statement.observable)
        if (id !== request.params.id) {
          const { type, value } = statement.observable
          throw intelError('intel.indicator.otherId', `the id of ${type} ${value} is \`${id}\``)
        }
        await indicators.tell(place, [statement])
        const indicator = await indicators.get(place, id)
        return reply.header('etag', etagOf(indicator.revision)).send(toAnswer(indicator, now))
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/workspaces/:ws/indicators/:id',
      config: { access: { action: 'siem:indicator:delete', resource: ofIndicator } },
      schema: {
        summary: 'Deletes an indicator, or what one source says of it; it matches no more when this answers',
        tags,
        params: indicatorParams,
        querystring: Type.Object({ source: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })) }),
        headers: ifMatch,
        response: { 204: Type.Null() },
      },
      handler: async (request, reply) => {
        const place = await placeOf(request)
        const { source } = request.query
        if (source === undefined) await indicators.delete(place, request.params.id, request.headers['if-match'])
        else await indicators.withdraw(place, request.params.id, source)
        return reply.code(204).send(null)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/indicators/:id/sightings',
      config: { access: { action: 'siem:indicator:get', resource: ofIndicator } },
      schema: {
        summary: 'Where an indicator was met, the newest first',
        tags,
        params: indicatorParams,
        querystring: Type.Object({
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT })),
        }),
        response: { 200: Type.Object({ items: Type.Array(sightingSchema) }) },
      },
      handler: async (request) => {
        const place = await placeOf(request)
        const { limit = PAGE_ITEMS_DEFAULT } = request.query
        await indicators.get(place, request.params.id)
        return { items: (await indicators.sightings(place, request.params.id, limit)).map(toSightingAnswer) }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/indicators/:id/sightings',
      config: { access: { action: 'siem:indicator:put', resource: ofIndicator } },
      schema: {
        summary: 'Says what came of an indicator',
        description:
          '`seen`: it was met and is bad, so decay begins anew. `falsePositive`: it was met and is harmless, so every opinion is worth half. `expired`: it is over.',
        tags,
        params: indicatorParams,
        body: Type.Object({ type: Type.Enum(['seen', 'falsePositive', 'expired']) }, { additionalProperties: false }),
        response: { 200: indicatorSchema },
      },
      handler: async (request) => {
        const { now } = contextOf(request)
        const place = await placeOf(request)
        return toAnswer(await indicators.judge(place, request.params.id, request.body.type), now)
      },
    })
  }
}

/** The indicators of NDJSON; a line that is none does not keep the others out. */
function readLines(body: Buffer, now: number) {
  const statements: Statement[] = []
  const rejected: { index: number; code: string; message: string }[] = []
  let index = 0
  for (const line of body.toString('utf8').split('\n')) {
    if (line.trim() === '') continue
    if (index >= IMPORT_ITEMS_MAX) {
      throw intelError('intel.indicator.tooMany', `one call takes ${IMPORT_ITEMS_MAX} lines; send the file in parts`)
    }
    try {
      statements.push(statementOf(parseInput(parseLine(line)), now))
    } catch (error) {
      if (!(error instanceof RampartError)) throw error
      rejected.push({ index, code: error.code, message: error.message })
    }
    index += 1
  }
  return { statements, rejected }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw intelError('intel.indicator.refused', 'the line is no JSON')
  }
}
