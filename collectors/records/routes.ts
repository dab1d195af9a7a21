import { Type } from 'typebox'
import { AUDIT_PIPE, type LogRecord, type PartitionLog, type PipeAddress } from '../../pipeline/index.ts'
import { type Api, type Clock, contextOf, type Metrics, takeRawBodies } from '../../platform/index.ts'
import { collectError } from '../errors.ts'
import { RECORDS_LIMITS } from '../limits.ts'
import { collectMetrics } from '../metrics.ts'
import { shardOf } from '../shard-of.ts'
import { InFlight } from './in-flight.ts'
import { splitRecords } from './split.ts'

export interface RecordRouteDeps {
  readonly log: PartitionLog
  readonly clock: Clock
  readonly metrics: Metrics
  /** How many shards a pipe has. @throws what the caller is told where there is no such pipe (404) */
  readonly requirePipe: (pipe: PipeAddress) => Promise<{ readonly shardCount: number }>
}

const description = `Content types \`application/x-ndjson\`, \`application/json\` (an array, an object, or CloudTrail's
\`{"Records": […]}\`), \`text/plain\` (lines) and \`text/csv\` (with a header line); content encodings \`gzip\` and \`zstd\`.
The answer comes when the records are durable. A record that cannot be parsed is accepted, kept raw and marked
\`parse_error\`; only records over a limit are rejected.`

const bodyContent = Object.fromEntries(
  Object.entries({
    'application/x-ndjson': 'One JSON object a line.',
    'application/json': 'An array of objects, an object, or `{"Records": […]}`.',
    'text/plain': 'One record a line.',
    'text/csv': 'A header line, then one record a row.',
  }).map(([type, about]) => [type, { schema: Type.Unsafe<unknown>({ description: about }) }]),
)

/** `POST /v1/workspaces/{ws}/dataspaces/{ds}/pipes/{pipe}/records`. */
export function recordRoutes(deps: RecordRouteDeps) {
  const counts = deps.metrics.use(collectMetrics)
  const inFlight = new InFlight()
  const collector = 'records'
  deps.metrics.beforeScrape(() => counts.waitingBytes.set({ collector }, inFlight.bytes))

  return (api: Api): void => {
    takeRawBodies(api)
    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/dataspaces/:ds/pipes/:pipe/records',
      bodyLimit: RECORDS_LIMITS.bodyBytesMax,
      config: {
        access: {
          action: 'siem:record:put',
          resource: 'arn:rampart:siem:{region}:{account}:pipe/{ws}/{ds}/{pipe}',
          audit: 'refusals',
        },
      },
      schema: {
        summary: 'Puts records into a pipe',
        description,
        tags: ['records'],
        params: Type.Object({ ws: Type.String(), ds: Type.String(), pipe: Type.String() }),
        // For the description only: the body is bytes, and is taken apart by its content type in the handler.
        body: { content: bodyContent },
        response: {
          200: Type.Object({
            accepted: Type.Integer({ description: 'Records that are durable.' }),
            rejected: Type.Array(
              Type.Object({
                index: Type.Integer({ description: 'The place of the record in the request, from 0.' }),
                code: Type.String(),
                message: Type.String(),
              }),
            ),
          }),
        },
      },
      preParsing: async (_request, reply, payload) => {
        const { stream, release } = inFlight.meter()
        reply.raw.once('close', release)
        payload.once('error', (error) => stream.destroy(error))
        return payload.pipe(stream)
      },
      handler: async (request) => {
        const { principal } = contextOf(request)
        const { ws, ds, pipe } = request.params
        // A forged audit event would be evidence.
        if (pipe === AUDIT_PIPE) {
          throw collectError(
            'collect.pipe.reserved',
            `\`${pipe}\` holds the platform's own audit events; nobody may post there. Use another pipe`,
          )
        }
        const address = { account: principal.account, workspace: ws, dataspace: ds, pipe }
        const { shardCount } = await deps.requirePipe(address)
        const body = request.rawBody ?? Buffer.alloc(0)
        const split = await inFlight.decode(() =>
          splitRecords({
            contentType: request.headers['content-type'],
            contentEncoding: request.headers['content-encoding'],
            body,
          }),
        )
        const receivedAt = deps.clock.now()
        const source = principal.arn
        const { format, headers } = split
        const records = split.payloads.map((payload): LogRecord => ({ receivedAt, source, format, headers, payload }))
        if (records.length > 0) await deps.log.append({ ...address, shard: shardOf(source, shardCount) }, records)

        counts.records.add({ collector }, records.length)
        counts.bytes.add(
          { collector },
          split.payloads.reduce((sum, payload) => sum + payload.length, 0),
        )
        for (const { code } of split.rejected) counts.rejected.add({ collector, code })
        return { accepted: records.length, rejected: [...split.rejected] }
      },
    })
  }
}
