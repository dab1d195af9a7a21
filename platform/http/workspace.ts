import type { FastifyRequest } from 'fastify'
import type { AccountId } from '../base/arn.ts'
import { contextOf } from './guard.ts'

/** What routes below `/v1/workspaces/{ws}` need of whoever knows the workspaces. */
export interface WorkspaceRouteDeps {
  /** @throws what the caller is told where there is no such workspace */
  readonly requireWorkspace: (account: AccountId, workspace: string) => Promise<unknown>
}

/** Of a request below `/v1/workspaces/{ws}`: that workspace of the caller's account, which is there.
 * @throws what `requireWorkspace` throws */
export function placesOf({ requireWorkspace }: WorkspaceRouteDeps) {
  return async (request: FastifyRequest & { readonly params: { readonly ws: string } }) => {
    const { account } = contextOf(request).principal
    const workspace = request.params.ws
    await requireWorkspace(account, workspace)
    return { account, workspace }
  }
}
