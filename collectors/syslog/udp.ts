import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Clock } from '../../platform/base/index.ts'
import type { SyslogLimits } from '../limits.ts'
import type { Delivery } from './delivery.ts'
import type { Quiet } from './drain.ts'
import { bindUdp, plainAddress, type Where } from './listen.ts'

export interface UdpDeps {
  readonly host: string
  readonly delivery: Delivery
  readonly clock: Clock
  readonly limits: SyslogLimits
  /** A datagram that was not taken: too much waits already, or it could not be read. */
  readonly onDropped: (reason: 'busy' | 'error') => void
}

const NO_HEADERS = {}

/** Syslog over UDP: one datagram, one message. Nothing can hold a sender back, so what does not fit is dropped and
 * counted.   @see RFC 5426 3.1 */
export class UdpListener {
  readonly #socket: Socket
  readonly #deps: UdpDeps
  #arrivals = 0

  constructor(deps: UdpDeps) {
    this.#deps = deps
    this.#socket = createSocket({
      type: isIPv6(deps.host) ? 'udp6' : 'udp4',
      recvBufferSize: deps.limits.udpReceiveBytes,
    })
    this.#socket.on('message', this.#take)
  }

  /** Binds, and gives the port and the bytes that the kernel keeps for it. @throws collect.syslog.cannotListen */
  async listen(where: Where): Promise<{ readonly port: number; readonly receiveBytes: number }> {
    const port = await bindUdp(this.#socket, where)
    // A datagram that could not be read is a lost one.
    this.#socket.on('error', () => this.#deps.onDropped('error'))
    return { port, receiveBytes: this.#socket.getRecvBufferSize() }
  }

  readonly #take = (payload: Buffer, { address }: RemoteInfo): void => {
    const { delivery, clock, limits, onDropped } = this.#deps
    const receivedAt = clock.now()
    this.#arrivals += 1
    if (payload.length === 0) return
    if (delivery.waitingBytes + payload.length > limits.udpWaitingBytesMax) {
      onDropped('busy')
      return
    }
    const source = `syslog/udp ${plainAddress(address)}`
    delivery.add({ receivedAt, source, format: 'syslog', headers: NO_HEADERS, payload })
  }

  /** Takes what the kernel still holds, then closes. */
  async stop(quiet: Quiet): Promise<void> {
    await quiet(this.#deps.delivery, () => this.#arrivals)
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()))
  }
}
