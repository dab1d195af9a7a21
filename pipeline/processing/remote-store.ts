import type { Channel, ChannelHandlers } from '../../platform/index.ts'
import type { EventScan, EventStore, ScanBatch, ScanRequest, SearchRequest, SearchResult } from '../types.ts'
import { SCAN_IDLE_MS_MAX } from './limits.ts'

/** The part of an event store that other threads than its own use. */
export type RemoteStore = Pick<EventStore, 'search' | 'scan' | 'declare' | 'dropBefore'>

interface OpenedScan {
  readonly id: number
  readonly eventCount: number
}

/** The handlers that let the other side of a channel use `store`. */
export function serveStore(store: EventStore): ChannelHandlers {
  return {
    'store.search': (request: SearchRequest) => store.search(request),
    'store.declare': ([pipe, fields]: Parameters<EventStore['declare']>) => store.declare(pipe, fields),
    'store.dropBefore': ([pipe, before]: Parameters<EventStore['dropBefore']>) => store.dropBefore(pipe, before),
    ...serveScans(store),
  }
}

/** Scans by number. One that nobody reads from for a while is closed: whoever opened it may be gone. */
function serveScans(store: EventStore): ChannelHandlers {
  const open = new Map<number, { readonly scan: EventScan; idle: NodeJS.Timeout }>()
  let lastId = 0
  const close = async (id: number): Promise<void> => {
    const entry = open.get(id)
    if (!entry) return
    open.delete(id)
    clearTimeout(entry.idle)
    await entry.scan.close()
  }
  const idleTimer = (id: number) => setTimeout(() => void close(id).catch(() => {}), SCAN_IDLE_MS_MAX).unref()
  return {
    'store.scan.open': async (request: ScanRequest): Promise<OpenedScan> => {
      const scan = await store.scan(request)
      lastId += 1
      open.set(lastId, { scan, idle: idleTimer(lastId) })
      return { id: lastId, eventCount: scan.eventCount }
    },
    'store.scan.next': async (id: number): Promise<ScanBatch | undefined> => {
      const entry = open.get(id)
      if (!entry) throw new Error('the reading of stored events is closed')
      clearTimeout(entry.idle)
      try {
        return await entry.scan.next()
      } finally {
        entry.idle = idleTimer(id)
      }
    },
    'store.scan.close': close,
  }
}

/** The store at the other side of a channel. */
export function remoteStore(channel: Channel): RemoteStore {
  return {
    search: (request) => channel.call<SearchResult>('store.search', request),
    async scan(request) {
      const { id, eventCount } = await channel.call<OpenedScan>('store.scan.open', request)
      return {
        eventCount,
        next: () => channel.call<ScanBatch | undefined>('store.scan.next', id),
        close: () => channel.call<void>('store.scan.close', id),
      }
    },
    declare: (pipe, fields) => channel.call<void>('store.declare', [pipe, fields]),
    dropBefore: (pipe, before) => channel.call<number>('store.dropBefore', [pipe, before]),
  }
}
