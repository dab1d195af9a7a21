import { Type } from 'typebox'
import { type Api, placesOf, takeRawBodies, type WorkspaceRouteDeps } from '../../platform/index.ts'
import { CONFIDENCE_DEFAULT } from '../forms.ts'
import { IMPORT_BYTES_MAX, SOURCE_CHARS_MAX } from '../limits.ts'
import type { Imports } from './import.ts'
import { importFormats } from './reading.ts'

const summarySchema = Type.Object({
  format: Type.Enum([...importFormats]),
  objects: Type.Integer({ description: 'STIX objects that were not kept before.' }),
  created: Type.Integer(),
  updated: Type.Integer(),
  unchanged: Type.Integer(),
  revoked: Type.Integer({ description: 'Indicators that ended.' }),
  sightings: Type.Integer(),
  notMatched: Type.Integer({ description: 'Patterns that are kept and not compared with events.' }),
  refusedCount: Type.Integer(),
  refused: Type.Array(Type.Object({ where: Type.String(), message: Type.String() }), {
    description: 'The first of them.',
  }),
})

/** `POST /v1/workspaces/{ws}/indicators:import`. */
export function importRoutes(imports: Imports, deps: WorkspaceRouteDeps) {
  const placeOf = placesOf(deps)
  return (api: Api): void => {
    takeRawBodies(api)
    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/indicators::import',
      bodyLimit: IMPORT_BYTES_MAX,
      config: {
        access: { action: 'siem:indicator:put', resource: 'arn:rampart:siem:{region}:{account}:workspace/{ws}' },
      },
      schema: {
        summary: 'Imports a file of indicators',
        description:
          'A STIX bundle, a MISP event, NDJSON, CSV, or one value a line; found by its looks unless `format` says so. What can be used is taken; the rest is told, with reasons. The same file again changes nothing.',
        tags: ['indicators'],
        params: Type.Object({ ws: Type.String() }),
        querystring: Type.Object({
          format: Type.Optional(Type.Enum([...importFormats])),
          source: Type.Optional(
            Type.String({
              pattern: '^[A-Za-z0-9][A-Za-z0-9 ._:/@-]*$',
              maxLength: SOURCE_CHARS_MAX,
              default: 'import',
            }),
          ),
          confidence: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: CONFIDENCE_DEFAULT })),
        }),
        // For the description only: the body is bytes.
        body: { content: { '*/*': { schema: Type.Unsafe<unknown>({ description: 'The file.' }) } } },
        response: { 200: summarySchema },
      },
      handler: async (request) => {
        const place = await placeOf(request)
        const { format, source = 'import', confidence = CONFIDENCE_DEFAULT } = request.query
        const summary = await imports.run(place, request.rawBody ?? Buffer.alloc(0), {
          source,
          confidence,
          ...(format === undefined ? {} : { format }),
        })
        return { ...summary, refused: [...summary.refused] }
      },
    })
  }
}
