import { Readable, Writable } from 'node:stream'
import type { Arguments, Command, Io } from '../command.ts'

/** Runs a command as the command line does, without a terminal. `lines`: its output, each line parsed as JSON. */
export async function runCommand(
  command: Command,
  { positionals, values }: Arguments,
  { stdin = [], env = {} }: { readonly stdin?: Iterable<unknown>; readonly env?: Io['env'] } = {},
) {
  const told = { stdout: '', stderr: '' }
  const into = (name: keyof typeof told) =>
    new Writable({
      write(chunk, _, done) {
        told[name] += String(chunk)
        done()
      },
    })
  const io = { stdin: Readable.from(stdin), stdout: into('stdout'), stderr: into('stderr'), env }
  const code = await command.run({ positionals, values }, io)
  return {
    code,
    ...told,
    lines: told.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  }
}
