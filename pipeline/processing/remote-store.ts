import type { Channel, ChannelHandlers } from '../../platform/index.ts'
import type { EventStore, SearchRequest, SearchResult } from '../types.ts'

/** The part of an event store that other threads than its own use. */
export type RemoteStore = Pick<EventStore, 'search' | 'declare' | 'dropBefore'>

/** The handlers that let the other side of a channel use `store`. */
export function serveStore(store: EventStore): ChannelHandlers {
  return {
    'store.search': (request: SearchRequest) => store.search(request),
    'store.declare': ([pipe, fields]: Parameters<EventStore['declare']>) => store.declare(pipe, fields),
    'store.dropBefore': ([pipe, before]: Parameters<EventStore['dropBefore']>) => store.dropBefore(pipe, before),
  }
}

/** The store at the other side of a channel. */
export function remoteStore(channel: Channel): RemoteStore {
  return {
    search: (request) => channel.call<SearchResult>('store.search', request),
    declare: (pipe, fields) => channel.call<void>('store.declare', [pipe, fields]),
    dropBefore: (pipe, before) => channel.call<number>('store.dropBefore', [pipe, before]),
  }
}
