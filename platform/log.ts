import { Writable } from 'node:stream'
import { type Bindings, type ChildLoggerOptions, type Logger, pino } from 'pino'
import { type Clock, formatInstant } from './base/clock.ts'
import { printable } from './base/printable.ts'
import { redact, redactText } from './redact.ts'

/** A structured log. What is given to it may hold secrets and hostile text: neither gets out as it is. */
export type Log = Logger

export interface LogOptions {
  readonly clock: Clock
  /** Lines for people where it is a terminal, JSON lines elsewhere. */
  readonly stream: Writable & { readonly isTTY?: boolean }
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Opens the log of a process. */
export function createLog(options: LogOptions): Log {
  const { clock, stream } = options
  const log = pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: () => `,"time":"${formatInstant(clock.now())}"`,
      // pino's own would run first and copy an error's own members.
      serializers: { err: (error: unknown) => error },
      formatters: {
        level: (label) => ({ level: label }),
        log: (members) => redact(members) as Record<string, unknown>,
      },
      hooks: {
        logMethod(input, method) {
          // An error by itself would become the message too, past `formatters.log`.
          const parts = input.length === 1 && input[0] instanceof Error ? [{ err: input[0] }, input[0].message] : input
          const safe = parts.map((part) => (typeof part === 'string' ? redactText(part) : part))
          method.apply(this, safe as Parameters<typeof method>)
        },
      },
    },
    stream.isTTY ? forPeople(stream) : stream,
  )
  // What a child always says does not pass `formatters.log`. Children inherit this from the log they are made of.
  const child = log.child
  log.child = function (this: Log, bindings: Bindings, childOptions?: ChildLoggerOptions) {
    return child.call(this, redact(bindings) as Bindings, childOptions as never)
  } as Log['child']
  return log
}

/** Turns JSON lines into lines for a person: time, level, message, the rest as `name=value`. */
function forPeople(terminal: Writable): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      for (const line of String(chunk).split('\n')) if (line !== '') terminal.write(`${lineForPeople(line)}\n`)
      done()
    },
  })
}

/** @param line as pino wrote it */
export function lineForPeople(line: string): string {
  const { time, level, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>
  const words = [
    String(time).slice(11, 23),
    String(level).toUpperCase().padEnd(5),
    ...(msg === undefined ? [] : [printable(String(msg))]),
    ...Object.entries(rest).map(([name, value]) => `${printable(name)}=${shown(value)}`),
  ]
  const stack = (err as { stack?: string } | undefined)?.stack
  return words.join(' ') + (stack === undefined ? '' : `\n${stack.split('\n').map(printable).join('\n')}`)
}

function shown(value: unknown): string {
  const text = typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value)
  return printable(text)
}
