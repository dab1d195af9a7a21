import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The far side of the demo's playbooks: a firewall and a cloud broker that agree to everything. */
export interface Receiver {
  /** `127.0.0.1:<port>`. */
  readonly address: string
  close(): void
}

/** Listens on loopback, at the port the story names or any free one. */
export async function startReceiver(wanted: string): Promise<Receiver> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"done":true}'))
  })
  const port = Number(wanted.split(':')[1])
  server.listen(port, '127.0.0.1')
  server.once('error', () => server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
