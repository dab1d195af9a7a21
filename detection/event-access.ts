import type { FastifyRequest } from 'fastify'
import { hiddenPipes, type SearchRequest } from '../pipeline/index.ts'
import { type Authorizer, contextOf, formatArn, REGION, requestContext } from '../platform/index.ts'
import { detectionError } from './errors.ts'

/** Which pipes of a workspace a caller may not read who has something done with its events.
 * @param what is done, such as `a hunt`
 * @throws detection.backtest.notAllowed */
export async function requireEventAccess(
  authorizer: Authorizer,
  request: FastifyRequest,
  { workspace, what }: { readonly workspace: string; readonly what: string },
): Promise<{ readonly hidden?: SearchRequest['hidden'] }> {
  const { principal } = contextOf(request)
  const { account } = principal
  const resource = formatArn({ service: 'siem', region: REGION, account, resource: `workspace/${workspace}` })
  const action = 'siem:event:search'
  const { allowed } = await authorizer.authorize({ principal, action, resource, context: requestContext(request) })
  if (!allowed) throw detectionError('detection.backtest.notAllowed', `${what} reads events, which takes \`${action}\``)
  return hiddenPipes(authorizer, request, workspace)
}
