import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type FieldError, RampartError } from '../base/errors.ts'
import { httpError } from './errors.ts'

/** The error a caller is told about: our own as it is, Fastify's translated, anything else hidden behind 500. */
export function toRampartError(error: unknown): RampartError {
  if (error instanceof RampartError) return error
  const fastify = error as Partial<FastifyError>
  if (fastify.validation) return fromValidation(fastify as FastifyError)
  switch (fastify.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return httpError('platform.http.tooLarge', 'the body is larger than this route takes', { cause: error })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return httpError('platform.http.unsupportedMediaType', 'this route does not take that Content-Type', {
        cause: error,
      })
  }
  if (typeof fastify.statusCode === 'number' && fastify.statusCode >= 400 && fastify.statusCode < 500) {
    return httpError('platform.http.malformed', fastify.message ?? 'malformed request', { cause: error })
  }
  return httpError('platform.http.internal', 'an internal error; the log names it under this request id', {
    cause: error,
  })
}

/** A body that is JSON and yet wrong is 422; a query or path that is wrong is a malformed request. */
function fromValidation(error: FastifyError): RampartError {
  const errors: FieldError[] = (error.validation ?? []).map((issue) => ({
    path: issue.instancePath || '/',
    message: describeIssue(issue.message ?? 'is wrong', issue.params),
  }))
  const where = error.validationContext ?? 'body'
  const code = where === 'body' ? 'platform.http.invalid' : 'platform.http.malformed'
  const first = errors[0]
  const text = first ? `${where}${first.path === '/' ? '' : first.path} ${first.message}` : `${where} is wrong`
  return httpError(code, text, { errors })
}

function describeIssue(message: string, params: Record<string, unknown>): string {
  if (typeof params.additionalProperty === 'string') return `has an unknown member \`${params.additionalProperty}\``
  if (Array.isArray(params.allowedValues)) return `${message}: ${params.allowedValues.join(', ')}`
  return message
}

/** Answers with problem+json.   @see RFC 9457 */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: RampartError): FastifyReply {
  if (error.retryAfterSec !== undefined) reply.header('retry-after', String(error.retryAfterSec))
  if (error.status === 401) reply.header('www-authenticate', 'Bearer')
  const problem: Record<string, unknown> = {
    type: `urn:rampart:error:${error.code}`,
    title: error.title,
    status: error.status,
    code: error.code,
    detail: error.detail ?? error.message,
    instance: `urn:rampart:request:${request.id}`,
    ...error.extra,
  }
  if (error.errors.length > 0) problem.errors = error.errors
  return reply
    .code(error.status)
    .header('content-type', 'application/problem+json')
    .serializer((value: unknown) => JSON.stringify(value))
    .send(problem)
}
