import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  type Api,
  auditAs,
  contextOf,
  type OperationAccess,
  type OperationRequest,
  type Operations,
  RampartError,
  requestContext,
} from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import { errorOnWire } from './errors.ts'
import { iamService } from './iam-service.ts'
import type { PublicCall, PublicQueryOperation, QueryOperation, QueryService } from './operation.ts'
import { QueryInput, writeXml, writeXmlError } from './query.ts'
import { stsService } from './sts-operations.ts'

interface Found {
  readonly service: QueryService
  readonly name: string
  readonly operation: QueryOperation
}

/** `POST /`: AWS's IAM and STS, as their SDKs and tools speak them with `endpoint_url` set to the service. */
export function awsRoutes(iam: Iam) {
  const services = [iamService(iam), stsService(iam)]
  const operations: Operations = {
    services: services.map(({ name }) => name),
    list: services.flatMap((service) =>
      [...service.operations].map(([name, operation]) => accessOf({ service, name, operation })),
    ),
    find: (request) => accessOf(find(services, request)),
  }
  return (api: Api): void => {
    api.setErrorHandler((error, request, reply) => sendError(services, error, request, reply))
    api.route({
      method: 'POST',
      url: '/',
      config: { access: { operations } },
      bodyLimit: 256 * 1024,
      schema: {
        summary: 'AWS IAM and STS (Query protocol)',
        description: 'Form-encoded `Action`, `Version` and parameters, signed with SigV4; answers are XML.',
        tags: ['aws'],
        consumes: ['application/x-www-form-urlencoded'],
      },
      handler: async (request, reply) => {
        const body = request.rawBody ?? Buffer.alloc(0)
        const { service, name, operation } = find(services, {
          service: request.guarded?.signedService,
          headers: request.headers,
          body,
        })
        const input = new QueryInput(body)
        const result =
          'public' in operation
            ? await operation.run(publicCall(request, operation), input)
            : await operation.run(contextOf(request), input, request)
        reply.header('content-type', 'text/xml;charset=utf-8').header('x-amzn-requestid', request.id)
        return reply.send(writeXml({ operation: name, namespace: service.namespace, result, requestId: request.id }))
      },
    })
  }
}

/** @throws iam.aws.unknownOperation */
function find(services: readonly QueryService[], { service: signed, body }: OperationRequest): Found {
  const input = new QueryInput(body)
  const version = input.find('Version')
  const name = input.find('Action') ?? ''
  const service = services.find((one) => (signed === undefined || one.name === signed) && one.version === version)
  const operation = service?.operations.get(name)
  if (service && operation) return { service, name, operation }
  throw iamError(
    'iam.aws.unknownOperation',
    `there is no operation \`${name.slice(0, 80)}\` of version \`${version?.slice(0, 20)}\` here`,
  )
}

function publicCall(request: FastifyRequest, { action }: PublicQueryOperation): PublicCall {
  auditAs(request, { action })
  return {
    context: requestContext(request),
    identify: (caller) => auditAs(request, { action, caller, resources: [caller.arn] }),
  }
}

function accessOf({ service, name, operation }: Found): OperationAccess {
  if ('public' in operation) return { name: `${service.name}:${name}`, public: operation.public }
  const { action, resource, callerOnly, audit, context } = operation
  const known = { name: `${service.name}:${name}`, action, ...(audit === undefined ? {} : { audit }) }
  if (resource) {
    return {
      ...known,
      resource: (account, body) => resource(new QueryInput(body), account),
      ...(context ? { context: (body: Buffer) => context(new QueryInput(body)) } : {}),
    }
  }
  return { ...known, callerOnly: callerOnly ?? '' }
}

function sendError(
  services: readonly QueryService[],
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const known = error instanceof RampartError
  if (request.guarded && known) request.guarded.errorCode = error.code
  if (!known) request.log.error({ err: error, requestId: request.id }, 'an operation failed')
  const { code, status } = known ? errorOnWire(error) : { code: 'ServiceFailure', status: 500 }
  const service = serviceOf(services, request) ?? services[0]
  return reply
    .code(status)
    .header('content-type', 'text/xml;charset=utf-8')
    .header('x-amzn-requestid', request.id)
    .send(
      writeXmlError({
        namespace: service?.namespace ?? '',
        isSender: status < 500,
        code,
        message: messageOf(error),
        requestId: request.id,
      }),
    )
}

/** As far as it can be told, so that the answer is in its words. */
function serviceOf(services: readonly QueryService[], request: FastifyRequest): QueryService | undefined {
  const signed = request.guarded?.signedService
  if (signed !== undefined) return services.find(({ name }) => name === signed)
  const version = new URLSearchParams(request.rawBody?.toString('utf8')).get('Version')
  return services.find((one) => one.version === version)
}

function messageOf(error: unknown): string {
  if (!(error instanceof RampartError)) return 'an internal error; the log names it under this request id'
  const { decisionId } = error.extra
  return typeof decisionId === 'string' ? `${error.message} (decision ${decisionId})` : error.message
}
