import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as a playbook's far side saw it. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly key: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A local HTTP server that stands for the products playbooks talk to: it remembers what it was asked, and counts the
 * distinct idempotency keys. */
export class FarSide {
  readonly #server: Server
  readonly received: Received[] = []
  /** What it answers; the default is 200 and `{"ok":true}`. */
  answer: (request: Received, response: ServerResponse) => void = (_, response) => sendJson(response, 200, { ok: true })

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(): Promise<FarSide> {
    const server = createServer((request, response) => void far.#take(request, response))
    const far = new FarSide(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return far
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  keys(path?: string): ReadonlySet<string> {
    const asked = this.received.filter((request) => path === undefined || request.path === path)
    return new Set(asked.flatMap((request) => (request.key === undefined ? [] : [request.key])))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    } catch {
      return
    }
    const key = request.headers['idempotency-key']
    const received: Received = {
      method: request.method ?? '',
      path: request.url ?? '',
      key: typeof key === 'string' ? key : undefined,
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    }
    this.received.push(received)
    this.answer(received, response)
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
