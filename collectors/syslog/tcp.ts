import { createServer, type Server, type Socket } from 'node:net'
import type { LogRecord } from '../../pipeline/index.ts'
import type { Clock } from '../../platform/base/index.ts'
import type { SyslogLimits } from '../limits.ts'
import type { Delivery, Giver } from './delivery.ts'
import type { Quiet } from './drain.ts'
import { type FrameKind, FrameSplitter } from './frame.ts'
import { listenTcp, plainAddress, type Where } from './listen.ts'

const headersOf: Readonly<Record<FrameKind, Readonly<Record<string, string>>>> = {
  whole: {},
  cut: { cut: 'true' },
  partial: { partial: 'true' },
}

/** What the listener tells of itself. */
export interface TcpCounts {
  cut(): void
  cutBytes(bytes: number): void
  partial(): void
  paused(): void
  closed(reason: 'idle' | 'connections' | 'partialBytes' | 'stop' | 'error'): void
}

export interface TcpDeps {
  readonly delivery: Delivery
  readonly clock: Clock
  readonly limits: SyslogLimits
  readonly counts: TcpCounts
}

/** One sender. */
class Connection implements Giver {
  readonly socket: Socket
  readonly #listener: TcpListener
  readonly #splitter: FrameSplitter
  readonly #source: string
  #waitingBytes = 0
  /** When the message whose end is awaited began, ms; 0 when none is. */
  partialSince = 0
  heldBytes = 0
  isOverOwnLimit = false

  constructor(listener: TcpListener, socket: Socket) {
    this.#listener = listener
    this.socket = socket
    this.#source = `syslog/tcp ${plainAddress(socket.remoteAddress)}`
    this.#splitter = new FrameSplitter({
      frameBytesMax: listener.deps.limits.frameBytesMax,
      onFrame: this.#take,
      onDropped: (bytes) => listener.deps.counts.cutBytes(bytes),
    })
  }

  readonly #take = (payload: Buffer, kind: FrameKind): void => {
    const { delivery, clock, counts } = this.#listener.deps
    if (kind === 'cut') counts.cut()
    if (kind === 'partial') counts.partial()
    const record: LogRecord = {
      receivedAt: clock.now(),
      source: this.#source,
      format: 'syslog',
      headers: headersOf[kind],
      payload,
    }
    this.#waitingBytes += delivery.costOf(record)
    delivery.add(record, this)
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk)
    this.#measure()
    const { limits } = this.#listener.deps
    if (!this.isOverOwnLimit && this.#waitingBytes > limits.connectionWaitingBytesMax) {
      this.isOverOwnLimit = true
      this.#listener.deps.counts.paused()
      this.socket.pause()
    }
  }

  #measure(): void {
    const held = this.#splitter.heldBytes
    this.#listener.partialBytes += held - this.heldBytes
    this.heldBytes = held
    if (held === 0) this.partialSince = 0
    else if (this.partialSince === 0) this.partialSince = this.#listener.deps.clock.now()
  }

  released(bytes: number): void {
    this.#waitingBytes -= bytes
    if (this.isOverOwnLimit && this.#waitingBytes <= this.#listener.deps.limits.connectionWaitingBytesMax / 2) {
      this.isOverOwnLimit = false
    }
    this.#listener.roomMade(this)
  }

  /** Keeps what has come of an unfinished message. */
  end(): void {
    this.#splitter.end()
    this.#measure()
  }
}

/** Syslog over TCP. A sender is read no faster than its records become durable: its own bound and that of all together
 * stop the reading, which is the only thing the protocol lets a receiver do.
 *
 * INVARIANT (memory): connections, unfinished messages and undurable records are each bounded by `SyslogLimits`.
 * @see RFC 6587 */
export class TcpListener {
  readonly deps: TcpDeps
  readonly #server: Server
  partialBytes = 0
  /** In the order of their last sign of life. */
  readonly #connections = new Map<Connection, true>()
  #isFull = false
  #arrivals = 0

  constructor(deps: TcpDeps) {
    this.deps = deps
    // A small stream buffer: what a paused connection still reads waits in its socket, not here.
    this.#server = createServer({ highWaterMark: 16 * 1024, noDelay: false }, (socket) => this.#accept(socket))
  }

  /** Binds, and gives the port. @throws collect.syslog.cannotListen */
  async listen(where: Where): Promise<number> {
    const port = await listenTcp(this.#server, where)
    // An accept that failed for want of a descriptor: the next may go through.
    this.#server.on('error', () => this.deps.counts.closed('error'))
    return port
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  #accept(socket: Socket): void {
    const { limits, counts } = this.deps
    if (this.#connections.size >= limits.connectionsMax) {
      const [oldest] = this.#connections.keys()
      if (oldest !== undefined) this.#close(oldest, 'connections')
    }
    const connection = new Connection(this, socket)
    this.#connections.set(connection, true)
    socket.setTimeout(limits.idleMs, () => {
      // One that we hold back is silent through no fault of its own.
      if (!socket.isPaused()) this.#close(connection, 'idle')
    })
    socket.on('data', (chunk) => this.#onData(connection, chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#forget(connection))
    // Nothing is ever said to a sender; the half-open connection would only wait.
    socket.on('end', () => socket.destroy())
    if (this.#isFull) {
      counts.paused()
      socket.pause()
    }
  }

  #onData(connection: Connection, chunk: Buffer): void {
    const { delivery, limits, counts } = this.deps
    this.#arrivals += 1
    this.#connections.delete(connection)
    this.#connections.set(connection, true)
    connection.push(chunk)
    if (!this.#isFull && delivery.waitingBytes > limits.tcpWaitingBytesMax) {
      this.#isFull = true
      counts.paused()
      for (const { socket } of this.#connections.keys()) socket.pause()
    }
    while (this.partialBytes > limits.partialBytesMax && this.#closeOldestPartial()) {}
  }

  #closeOldestPartial(): boolean {
    let oldest: Connection | undefined
    for (const connection of this.#connections.keys()) {
      if (connection.heldBytes === 0) continue
      if (oldest === undefined || connection.partialSince < oldest.partialSince) oldest = connection
    }
    if (oldest !== undefined) this.#close(oldest, 'partialBytes')
    return oldest !== undefined
  }

  /** Records have become durable: who waited for that is read again. */
  roomMade(connection: Connection): void {
    if (this.#isFull) {
      if (this.deps.delivery.waitingBytes > this.deps.limits.tcpWaitingBytesMax / 2) return
      this.#isFull = false
      for (const { socket, isOverOwnLimit } of this.#connections.keys()) if (!isOverOwnLimit) socket.resume()
    }
    if (!connection.isOverOwnLimit && connection.socket.isPaused()) connection.socket.resume()
  }

  #close(connection: Connection, reason: 'idle' | 'connections' | 'partialBytes' | 'stop'): void {
    this.deps.counts.closed(reason)
    this.#forget(connection)
    connection.socket.destroy()
  }

  /** INVARIANT (once): a connection's unfinished message is kept when it leaves the map, and it leaves once. */
  #forget(connection: Connection): void {
    if (this.#connections.delete(connection)) connection.end()
  }

  /** Takes no new connections. */
  close(): void {
    this.#server.close()
  }

  /** Takes no new connections, reads what has arrived, and lets go of the senders. */
  async stop(quiet: Quiet): Promise<void> {
    this.close()
    await quiet(this.deps.delivery, () => this.#arrivals)
    for (const connection of [...this.#connections.keys()]) this.#close(connection, 'stop')
  }
}
