import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Client } from '../client.ts'
import type { Entrance } from './story.ts'

/** The front doors of a running service, used as any log shipper would. */
export interface Doors {
  send(entrance: Entrance, lines: readonly string[]): Promise<void>
  close(): Promise<void>
}

export interface SyslogPorts {
  readonly syslogTcp: number
  readonly syslogUdp: number
}

/** Opens a UDP socket, one TCP connection a framing, and uses `client` for the record API. */
export async function openDoors(client: Client, ports: SyslogPorts): Promise<Doors> {
  const udp = createSocket('udp4')
  const tcp = new Map<string, Socket>()

  const socket = async (framing: string): Promise<Socket> => {
    const open = tcp.get(framing)
    if (open) return open
    const made = connect(ports.syslogTcp, '127.0.0.1')
    tcp.set(framing, made)
    await once(made, 'connect')
    return made
  }
  const write = async (framing: string, bytes: string) => {
    const connection = await socket(framing)
    if (!connection.write(bytes)) await once(connection, 'drain')
  }

  return {
    async send(entrance, lines) {
      switch (entrance.door) {
        case 'syslog-udp':
          for (const line of lines) {
            await new Promise<void>((resolve, reject) =>
              udp.send(line, ports.syslogUdp, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
            )
          }
          return
        case 'syslog-tcp-line':
          return write('line', lines.map((line) => `${line}\n`).join(''))
        case 'syslog-tcp-octet':
          return write('octet', lines.map((line) => `${Buffer.byteLength(line)} ${line}`).join(''))
        case 'records':
          return postRecords(client, entrance, lines)
      }
    },
    async close() {
      udp.close()
      for (const connection of tcp.values()) {
        connection.end()
        if (!connection.closed) await once(connection, 'close')
      }
    },
  }
}

async function postRecords(client: Client, entrance: Entrance, lines: readonly string[]): Promise<void> {
  const contentType = entrance.contentType ?? 'text/plain'
  const text = contentType === 'application/json' ? `[${lines.join(',')}]` : `${lines.join('\n')}\n`
  const path = `/v1/workspaces/${client.workspace}/dataspaces/default/pipes/${entrance.pipe ?? 'logs'}/records`
  await client.call(path, {
    contentType,
    body: entrance.encoding === 'gzip' ? gzipSync(text) : text,
    headers: entrance.encoding ? { 'content-encoding': entrance.encoding } : {},
  })
}
