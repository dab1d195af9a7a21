import { parseArgs } from 'node:util'
import { RampartError } from '../platform/base/index.ts'
import type { Command, Io } from './command.ts'
import { UsageError } from './command.ts'
import { commandNames, loadCommand } from './commands.ts'
import { helpFor, overview } from './help.ts'

const fileProblems: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'it may not be read or written by this user',
  EISDIR: 'it is a folder, and a file is wanted',
  ENOTDIR: 'it is a file, and a folder is wanted',
  ENOSPC: 'the disk is full',
}

process.exitCode = await main(process.argv.slice(2), process)

/** Runs one command line. @returns its exit code: 0 ok, 1 failed, 2 wrong use */
async function main(words: readonly string[], io: Io): Promise<number> {
  if (words.length === 0 || words[0] === '--help' || words[0] === '-h' || words[0] === 'help') {
    io.stdout.write(overview())
    return words.length === 0 ? 2 : 0
  }
  const name = commandNames.find((candidate) => candidate.split(' ').every((word, index) => words[index] === word))
  if (!name) {
    const { group, depth } = groupOf(words)
    if (group.length > 0 && (words[depth] === '--help' || words[depth] === '-h')) {
      io.stdout.write(overview(group))
      return 0
    }
    const known = group.length > 0 ? group : commandNames
    io.stderr.write(
      `rampart: no command is called \`${words.slice(0, depth + 1).join(' ')}\`; there are: ${known.join(', ')}\n`,
    )
    return 2
  }
  const command = await loadCommand(name)
  return runCommand(command, words.slice(name.split(' ').length), io)
}

/** The commands that begin with the most of the words, and how many words that is: `rules exclusions`. */
function groupOf(words: readonly string[]): { readonly group: readonly string[]; readonly depth: number } {
  for (let depth = words.length; depth > 0; depth--) {
    const group = commandNames.filter((candidate) => candidate.startsWith(`${words.slice(0, depth).join(' ')} `))
    if (group.length > 0) return { group, depth }
  }
  return { group: [], depth: 0 }
}

async function runCommand(command: Command, words: readonly string[], io: Io): Promise<number> {
  if (words.includes('--help') || words.includes('-h')) {
    io.stdout.write(helpFor(command))
    return 0
  }
  try {
    return await command.run(parse(command, words), io)
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr.write(`rampart ${command.name}: ${error.message}\nusage: rampart ${command.usage}\n`)
      return 2
    }
    io.stderr.write(`rampart ${command.name}: ${describe(error)}\n`)
    return 1
  }
}

function parse(command: Command, words: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: Object.fromEntries(
        Object.entries(command.options).map(([name, { type, short, multiple, default: preset }]) => [
          name,
          {
            type,
            ...(short === undefined ? {} : { short }),
            ...(multiple === undefined ? {} : { multiple }),
            ...(preset === undefined ? {} : { default: preset }),
          },
        ]),
      ),
      allowPositionals: true,
    })
    return { values: values as Record<string, string | boolean | string[] | undefined>, positionals }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function describe(error: unknown): string {
  if (isFileError(error)) return `cannot read or write \`${error.path}\`: ${fileProblems[error.code] ?? error.code}`
  if (!(error instanceof RampartError)) return error instanceof Error ? (error.stack ?? error.message) : String(error)
  const rows = error.errors.map((row) => `\n  ${row.path}: ${row.message}`)
  return `${error.message}${rows.join('')}`
}

function isFileError(error: unknown): error is Error & { readonly code: string; readonly path: string } {
  const { code, path } = error as { code?: unknown; path?: unknown }
  return error instanceof Error && typeof code === 'string' && typeof path === 'string'
}
