import type { Readable, Writable } from 'node:stream'

/** An option of a command, as node:util parseArgs takes it, with what `--help` and docs/cli.md say of it. */
export interface Option {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  readonly default?: string | boolean
  /** What stands for the value in the usage, such as `DIR`. */
  readonly value?: string
  readonly description: string
}

/** The terminal, or what stands for it. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
  readonly positionals: readonly string[]
}

/** One command of `rampart`. */
export interface Command {
  /** Its words, such as `config check`. */
  readonly name: string
  /** What follows `rampart` in the usage line. */
  readonly usage: string
  /** What else has to be known to use it; lines of up to 100 characters. */
  readonly details?: string
  readonly options: Readonly<Record<string, Option>>
  /** @returns the exit code: 0 ok, 1 failed. Throws UsageError for wrong use, which exits with 2. */
  run(args: Arguments, io: Io): Promise<number>
}

/** Wrong use of the command line: said in one line with the usage, exit code 2. */
export class UsageError extends Error {}
