import type { PartitionLog, ShardAddress } from '../../pipeline/index.ts'
import type { Clock, Metrics } from '../../platform/index.ts'
import { type SyslogLimits, syslogLimitDefaults } from '../limits.ts'
import { collectMetrics } from '../metrics.ts'
import { Delivery } from './delivery.ts'
import { type Draining, drain } from './drain.ts'
import { TcpListener } from './tcp.ts'
import { UdpListener } from './udp.ts'
import { readKernelDrops } from './udp-drops.ts'

export interface SyslogOptions {
  readonly host: string
  /** 0 = any free port; undefined or -1 = none. */
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

interface Parts {
  readonly options: SyslogOptions
  readonly limits: SyslogLimits
}

function createDelivery({ options, limits }: Parts, collector: string): Delivery {
  const counts = options.metrics.use(collectMetrics)
  return new Delivery({
    log: options.log,
    target: options.target,
    limits,
    onDurable(records, bytes) {
      counts.records.add({ collector }, records)
      counts.bytes.add({ collector }, bytes)
    },
    onRefused: (code) => counts.refused.add({ collector, code }),
  })
}

async function startTcp(parts: Parts, port: number): Promise<Draining & { readonly port: number; close(): void }> {
  const { options, limits } = parts
  const collector = 'syslog_tcp'
  const counts = options.metrics.use(collectMetrics)
  const delivery = createDelivery(parts, collector)
  const listener = new TcpListener({
    delivery,
    limits,
    clock: options.clock,
    counts: {
      cut: () => counts.cut.add({ collector }),
      cutBytes: (bytes) => counts.cutBytes.add({ collector }, bytes),
      partial: () => counts.partial.add({ collector }),
      paused: () => counts.pauses.add({ collector }),
      closed: (reason) => counts.closed.add({ collector, reason }),
    },
  })
  const bound = await listener.listen({ host: options.host, port })
  options.metrics.beforeScrape(() => {
    counts.connections.set({ collector }, listener.connectionCount)
    counts.waitingBytes.set({ collector }, delivery.waitingBytes)
    counts.partialBytes.set({ collector }, listener.partialBytes)
  })
  return { port: bound, delivery, stop: (quiet) => listener.stop(quiet), close: () => listener.close() }
}

async function startUdp(
  parts: Parts,
  port: number,
): Promise<Draining & { readonly port: number; readonly receiveBytes: number }> {
  const { options, limits } = parts
  const collector = 'syslog_udp'
  const counts = options.metrics.use(collectMetrics)
  const delivery = createDelivery(parts, collector)
  const listener = new UdpListener({
    host: options.host,
    delivery,
    limits,
    clock: options.clock,
    onDropped: (reason) => counts.dropped.add({ collector, reason }),
  })
  const bound = await listener.listen({ host: options.host, port })
  let kernelDrops = 0
  options.metrics.beforeScrape(async () => {
    counts.waitingBytes.set({ collector }, delivery.waitingBytes)
    const drops = await readKernelDrops(bound.port)
    if (drops > kernelDrops) counts.dropped.add({ collector, reason: 'kernel' }, drops - kernelDrops)
    kernelDrops = drops
  })
  return { ...bound, delivery, stop: (quiet) => listener.stop(quiet) }
}

/** Listens for syslog on TCP and UDP and carries messages as they came, without their framing, into the log. Over TCP a
 * sender is held back while the log cannot take more; over UDP messages are dropped then, and counted.
 * @throws collect.syslog.cannotListen
 * @see RFC 6587, RFC 5426 */
export async function startSyslog(options: SyslogOptions): Promise<SyslogService> {
  const { tcpPort = -1, udpPort = -1 } = options
  const limits = { ...syslogLimitDefaults, ...options.limits }
  const parts = { options, limits }
  const tcp = tcpPort < 0 ? undefined : await startTcp(parts, tcpPort)
  const udp =
    udpPort < 0
      ? undefined
      : await startUdp(parts, udpPort).catch((error: unknown) => {
          tcp?.close()
          throw error
        })
  const listeners = [tcp, udp].filter((part) => part !== undefined)
  let stopped: ReturnType<typeof drain> | undefined
  return {
    tcpPort: tcp?.port,
    udpPort: udp?.port,
    udpReceiveBytes: udp?.receiveBytes,
    stop() {
      stopped ??= drain(listeners, limits)
      return stopped
    },
  }
}
