import type { Socket as UdpSocket } from 'node:dgram'
import type { AddressInfo, Server } from 'node:net'
import { collectError } from '../errors.ts'

/** An address as people write it: an IPv4 peer of an IPv6 socket without its prefix, a link-local one without its zone. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  const zone = plain.indexOf('%')
  return zone < 0 ? plain : plain.slice(0, zone)
}

export interface Where {
  readonly host: string
  readonly port: number
}

/** Binds, and gives the bound port. @throws collect.syslog.cannotListen */
export function listenTcp(server: Server, { host, port }: Where): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen('tcp', { host, port }, error)))
    server.listen({ host, port, backlog: 1024 }, () => resolve((server.address() as AddressInfo).port))
  })
}

/** Binds, and gives the bound port. @throws collect.syslog.cannotListen */
export function bindUdp(socket: UdpSocket, { host, port }: Where): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => reject(cannotListen('udp', { host, port }, error)))
    socket.bind({ address: host, port }, () => resolve(socket.address().port))
  })
}

function cannotListen(kind: 'tcp' | 'udp', { host, port }: Where, cause: Error): Error {
  const code = (cause as NodeJS.ErrnoException).code ?? cause.message
  const advice =
    code === 'EADDRINUSE'
      ? 'another program listens there'
      : code === 'EACCES'
        ? 'ports below 1024 need a privilege'
        : 'the address may not be of this machine'
  return collectError(
    'collect.syslog.cannotListen',
    `cannot listen for syslog on ${kind} ${host} port ${port} (${code}): ${advice}; set \`syslog.${kind}_port\` to a free port, 0 for any or -1 for none`,
    { cause },
  )
}
