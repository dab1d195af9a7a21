import { RampartError } from './base/errors.ts'

/** What one side of a channel answers, by name. What goes in and out must survive a structured clone. */
// biome-ignore lint/suspicious/noExplicitAny: each handler types its own input; a channel joins two threads of one build
export type ChannelHandlers = Readonly<Record<string, (input: any) => unknown>>

/** Calls between two threads: an answer or an error for each, errors of ours keeping their code and status. */
export interface Channel {
  call<Output>(name: string, input: unknown, transfer?: readonly ArrayBuffer[]): Promise<Output>
  /** Rejects what is still open; later calls fail. */
  close(reason: string): void
}

type Message =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError }

interface WireError {
  readonly code?: string
  readonly status?: number
  readonly title?: string
  readonly message: string
  readonly stack?: string
  readonly options?: {
    detail?: string
    errors?: RampartError['errors']
    retryAfterSec?: number
    extra?: RampartError['extra']
  }
}

/** A message port, a worker, or a worker's parent port. */
export interface ChannelPort {
  on(event: 'message', listener: (message: Message) => void): unknown
  postMessage(value: unknown, transfer?: readonly ArrayBuffer[]): void
}

interface Open {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** Opens this side of a channel. */
export function openChannel(port: ChannelPort, handlers: ChannelHandlers): Channel {
  const open = new Map<number, Open>()
  let lastId = 0
  let closed: string | undefined

  const answer = async (id: number, name: string, input: unknown) => {
    try {
      const handler = handlers[name]
      if (!handler) throw new Error(`no handler is called ${name}`)
      port.postMessage({ kind: 'answer', id, value: await handler(input) } satisfies Message)
    } catch (error) {
      port.postMessage({ kind: 'error', id, error: toWire(error) } satisfies Message)
    }
  }

  port.on('message', (message: Message) => {
    if (message.kind === 'call') return void answer(message.id, message.name, message.input)
    const waiting = open.get(message.id)
    open.delete(message.id)
    if (message.kind === 'answer') waiting?.resolve(message.value)
    else waiting?.reject(fromWire(message.error))
  })

  return {
    call<Output>(name: string, input: unknown, transfer: readonly ArrayBuffer[] = []) {
      if (closed) return Promise.reject(new Error(closed))
      lastId += 1
      const id = lastId
      return new Promise<Output>((resolve, reject) => {
        open.set(id, { resolve: resolve as (value: unknown) => void, reject })
        port.postMessage({ kind: 'call', id, name, input } satisfies Message, transfer)
      })
    },
    close(reason) {
      closed = reason
      for (const waiting of open.values()) waiting.reject(new Error(reason))
      open.clear()
    },
  }
}

function toWire(error: unknown): WireError {
  if (error instanceof RampartError) {
    const { code, status, title, message, detail, errors, retryAfterSec, extra } = error
    return {
      code,
      status,
      title,
      message,
      options: {
        errors,
        extra,
        ...(detail === undefined ? {} : { detail }),
        ...(retryAfterSec === undefined ? {} : { retryAfterSec }),
      },
    }
  }
  const known = error instanceof Error ? error : new Error(String(error))
  return { message: known.message, ...(known.stack === undefined ? {} : { stack: known.stack }) }
}

function fromWire(wire: WireError): Error {
  if (wire.code !== undefined && wire.status !== undefined && wire.title !== undefined) {
    return new RampartError(wire.code, { status: wire.status, title: wire.title }, wire.message, wire.options)
  }
  const error = new Error(wire.message)
  if (wire.stack !== undefined) error.stack = wire.stack
  return error
}
