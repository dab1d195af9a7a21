import { setTimeout as sleep } from 'node:timers/promises'
import type { PartitionLog, ShardAddress } from '../../pipeline/index.ts'
import type { Clock, Metrics } from '../../platform/index.ts'
import { type SyslogLimits, syslogLimitDefaults } from '../limits.ts'
import { collectMetrics } from '../metrics.ts'
import { Delivery } from './delivery.ts'
import { bindUdp, listenTcp, type Quiet } from './listen.ts'
import { TcpListener } from './tcp.ts'
import { UdpListener } from './udp.ts'
import { readKernelDrops } from './udp-drops.ts'

export interface SyslogOptions {
  readonly host: string
  /** 0 = any free port, undefined = none. */
  readonly tcpPort?: number | undefined
  readonly udpPort?: number | undefined
  readonly log: PartitionLog
  /** Where all messages go. */
  readonly target: ShardAddress
  readonly clock: Clock
  readonly metrics: Metrics
  readonly limits?: Partial<SyslogLimits>
}

export interface SyslogService {
  /** The bound ports. */
  readonly tcpPort: number | undefined
  readonly udpPort: number | undefined
  /** Bytes the kernel keeps for datagrams not read yet; less than asked for where `net.core.rmem_max` is small. */
  readonly udpReceiveBytes: number | undefined
  /** Takes nothing new, reads what has arrived, and resolves when it is durable, or after `drainMsMax`.
   * @returns how many records had to be left behind */
  stop(): Promise<{ readonly abandoned: number }>
}

/** Listens for syslog on TCP and UDP and carries messages as they came, without their framing, into the log. Over TCP a
 * sender is held back while the log cannot take more; over UDP messages are dropped then, and counted.
 * @throws collect.syslog.cannotListen
 * @see RFC 6587, RFC 5426 */
export async function startSyslog(options: SyslogOptions): Promise<SyslogService> {
  const { host, log, target, clock, metrics } = options
  const limits = { ...syslogLimitDefaults, ...options.limits }
  const counts = metrics.use(collectMetrics)

  const deliveryOf = (collector: string): Delivery =>
    new Delivery({
      log,
      target,
      limits,
      onDurable(records, bytes) {
        counts.records.add({ collector }, records)
        counts.bytes.add({ collector }, bytes)
      },
      onRefused: (code) => counts.refused.add({ collector, code }),
    })

  const tcp =
    options.tcpPort === undefined ? undefined : startTcp({ delivery: deliveryOf('syslog_tcp'), clock, limits })
  const udp =
    options.udpPort === undefined ? undefined : startUdp({ delivery: deliveryOf('syslog_udp'), clock, limits })

  function startTcp(deps: { delivery: Delivery; clock: Clock; limits: SyslogLimits }) {
    const collector = 'syslog_tcp'
    const listener = new TcpListener({
      ...deps,
      counts: {
        cut: () => counts.cut.add({ collector }),
        cutBytes: (bytes) => counts.cutBytes.add({ collector }, bytes),
        partial: () => counts.partial.add({ collector }),
        paused: () => counts.pauses.add({ collector }),
        closed: (reason) => counts.closed.add({ collector, reason }),
      },
    })
    metrics.beforeScrape(() => {
      counts.connections.set({ collector }, listener.connectionCount)
      counts.waitingBytes.set({ collector }, deps.delivery.waitingBytes)
      counts.partialBytes.set({ collector }, listener.partialBytes)
    })
    return { listener, delivery: deps.delivery }
  }

  function startUdp(deps: { delivery: Delivery; clock: Clock; limits: SyslogLimits }) {
    const collector = 'syslog_udp'
    const listener = new UdpListener({
      ...deps,
      host,
      onDropped: () => counts.dropped.add({ collector, reason: 'busy' }),
    })
    metrics.beforeScrape(() => counts.waitingBytes.set({ collector }, deps.delivery.waitingBytes))
    return { listener, delivery: deps.delivery }
  }

  const tcpPort = tcp && (await listenTcp(tcp.listener.server, { host, port: options.tcpPort ?? 0 }))
  let udpPort: number | undefined
  try {
    udpPort = udp && (await bindUdp(udp.listener.socket, { host, port: options.udpPort ?? 0 }))
  } catch (error) {
    tcp?.listener.server.close()
    throw error
  }
  if (udpPort !== undefined) countKernelDrops(udpPort)

  function countKernelDrops(port: number): void {
    let known = 0
    metrics.beforeScrape(async () => {
      const drops = await readKernelDrops(port)
      if (drops > known) counts.dropped.add({ collector: 'syslog_udp', reason: 'kernel' }, drops - known)
      known = drops
    })
  }

  const stop = async (): Promise<{ readonly abandoned: number }> => {
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), limits.drainMsMax)
    const quiet: Quiet = async (delivery, arrivals) => {
      // Half of the time is left for the log.
      const rounds = Math.ceil(limits.drainMsMax / 2 / limits.drainQuietMs)
      for (let round = 0; round < rounds; round++) {
        const before = arrivals()
        await sleep(limits.drainQuietMs)
        if (arrivals() === before && delivery.waitingBytes === 0) return
      }
    }
    const deliveries = [tcp, udp].flatMap((part) => (part === undefined ? [] : [part.delivery]))
    await Promise.all([tcp?.listener.stop(quiet), udp?.listener.stop(quiet)])
    const late = new Promise<void>((resolve) => {
      if (deadline.signal.aborted) resolve()
      else deadline.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([Promise.all(deliveries.map((delivery) => delivery.drained())), late])
    clearTimeout(timer)
    return { abandoned: deliveries.reduce((sum, delivery) => sum + delivery.abandon(), 0) }
  }

  return { tcpPort, udpPort, udpReceiveBytes: udp?.listener.socket.getRecvBufferSize(), stop }
}
