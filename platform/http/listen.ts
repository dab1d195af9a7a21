import type { Api } from './api.ts'
import { httpError } from './errors.ts'

/** Opens the API's port; 0 = any free one. @returns the port
 * @throws platform.http.cannotListen */
export async function listenOn(api: Api, { host, port }: { readonly host: string; readonly port: number }) {
  try {
    await api.listen({ host, port })
  } catch (error) {
    throw httpError(
      'platform.http.cannotListen',
      `the API cannot listen on ${host} port ${port} (${(error as NodeJS.ErrnoException).code}); set \`http.port\` or \`http.host\`, 0 = any free port`,
      { cause: error },
    )
  }
  return (api.server.address() as { port: number }).port
}
