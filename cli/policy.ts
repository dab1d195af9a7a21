import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { checkPolicyText, createDecisionSet, type DecisionSet, memberText, type SetRequest } from '../iam/index.ts'
import { printable, RampartError } from '../platform/base/index.ts'
import { clientOptions, connect } from './client.ts'
import { type Arguments, type Command, type Io, type Option, UsageError } from './command.ts'
import { explainDecision, linesOf } from './policy-explain-decision.ts'
import { cliError, readPolicyFile } from './policy-files.ts'

const setOptions = {
  policies: { type: 'string', value: 'FILE', description: 'NDJSON {id, document}' },
  groups: { type: 'string', value: 'FILE', description: 'NDJSON {id, policies}' },
  users: { type: 'string', value: 'FILE', description: 'NDJSON {id, groups, policies}' },
  requests: { type: 'string', value: 'FILE', description: 'NDJSON {id, principal, action, resource, context}' },
} as const satisfies Readonly<Record<string, Option>>

/** `rampart policy decide`: decisions over files, with no server.   @see contract, Policy */
export const policyDecideCommand: Command = {
  name: 'policy decide',
  usage: 'policy decide --policies FILE [--groups FILE] --users FILE --requests FILE [--engine native|casbin]',
  options: {
    ...setOptions,
    engine: {
      type: 'string',
      value: 'NAME',
      description: 'who decides: native (default) or casbin; both decide alike',
    },
  },
  async run({ values }, io): Promise<number> {
    const set = await readSet(values)
    let count = 0
    let nanoseconds = 0n
    for await (const request of readRequests(values.requests)) {
      const startedAt = process.hrtime.bigint()
      const { decision, reason, determining } = set.decide(request)
      nanoseconds += process.hrtime.bigint() - startedAt
      count++
      await write(io, `${JSON.stringify({ id: request.id, decision, reason, determining })}\n`)
    }
    const seconds = Number(nanoseconds) / 1e9
    const rate = Math.round(count / Math.max(seconds, 1e-9)).toLocaleString('en')
    io.stderr.write(`${count.toLocaleString('en')} decisions in ${seconds.toFixed(3)} s: ${rate} a second\n`)
    return 0
  },
}

/** `rampart policy explain`: why a request is decided as it is. */
export const policyExplainCommand: Command = {
  name: 'policy explain',
  usage:
    'policy explain [--json] DECISION | policy explain [--json] --policies FILE [--groups FILE] --users FILE --requests FILE [--id ID]',
  options: {
    ...clientOptions,
    ...setOptions,
    id: { type: 'string', value: 'ID', description: 'only the request of this id' },
    json: { type: 'boolean', description: 'as JSON' },
  },
  async run({ values, positionals }, io): Promise<number> {
    const [decision, ...rest] = positionals
    if (rest.length > 0) throw new UsageError('name one decision')
    if (decision !== undefined) {
      await write(io, await explainDecision(await connect(values), decision, values.json === true))
      return 0
    }
    const set = await readSet(values)
    let found = values.id === undefined
    for await (const request of readRequests(values.requests)) {
      if (values.id !== undefined && request.id !== values.id) continue
      found = true
      const explanation = set.explain(request)
      await write(
        io,
        values.json === true
          ? `${JSON.stringify({ id: request.id, ...explanation }, null, 2)}\n`
          : `${linesOf({ ...request, reason: explanation.decision, explanation })
              .map(printable)
              .join('\n')}\n`,
      )
    }
    if (!found) io.stderr.write(`no request has the id ${String(values.id)}\n`)
    return found ? 0 : 1
  },
}

/** `rampart policy lint`: what is wrong with policy documents, and what they say that is rarely meant. */
export const policyLintCommand: Command = {
  name: 'policy lint',
  usage: 'policy lint [--json] FILE…',
  options: { json: { type: 'boolean', description: 'one JSON object a line' } },
  async run({ values, positionals }, io): Promise<number> {
    if (positionals.length === 0) throw new UsageError('name a policy document')
    let errors = 0
    for (const file of positionals) {
      for (const remark of checkPolicyText(await readPolicyFile(file))) {
        if (remark.level === 'error') errors++
        const { level, code, line, column, message } = remark
        await write(
          io,
          values.json === true
            ? `${JSON.stringify({ file, ...remark })}\n`
            : `${file}:${line}:${column}: ${level} ${code}: ${message}\n`,
        )
      }
    }
    return errors > 0 ? 1 : 0
  },
}

async function readSet(values: Arguments['values']): Promise<DecisionSet> {
  const policies: { id: string; document: string }[] = []
  for await (const { line, value, at } of readLines(requireFile(values, 'policies'))) {
    // As it stands in the file: a parsed document has lost its duplicate members.
    policies.push({ id: String(value.id), document: documentOf(line, at) })
  }
  const groups: { id: string; policies: string[] }[] = []
  if (values.groups !== undefined) {
    for await (const { value } of readLines(requireFile(values, 'groups'))) {
      groups.push({ id: String(value.id), policies: texts(value.policies) })
    }
  }
  const users: { id: string; policies: string[]; groups: string[] }[] = []
  for await (const { value } of readLines(requireFile(values, 'users'))) {
    users.push({ id: String(value.id), policies: texts(value.policies), groups: texts(value.groups) })
  }
  const engine = values.engine ?? 'native'
  if (engine !== 'native' && engine !== 'casbin') throw new UsageError('`--engine` is native or casbin')
  return createDecisionSet({ policies, groups, users }, engine)
}

async function* readRequests(file: unknown): AsyncGenerator<SetRequest & { readonly id: unknown }> {
  for await (const { value, at } of readLines(requireFile({ requests: file }, 'requests'))) {
    const { id, principal, action, resource, context } = value
    if (typeof principal !== 'string' || typeof action !== 'string' || typeof resource !== 'string') {
      throw cliError('cli.input.malformed', `${at}: a request has principal, action and resource`)
    }
    if (context !== undefined && !isContext(context)) {
      throw cliError('cli.input.malformed', `${at}: a context holds texts, numbers, booleans and lists of texts`)
    }
    yield { id, principal, action, resource, ...(context === undefined ? {} : { context }) }
  }
}

function isContext(context: unknown): context is NonNullable<SetRequest['context']> {
  if (typeof context !== 'object' || context === null) return false
  return Object.values(context).every(
    (value: unknown) =>
      typeof value === 'string' ||
      typeof value === 'number' ||
      typeof value === 'boolean' ||
      (Array.isArray(value) && value.every((one) => typeof one === 'string')),
  )
}

function requireFile(values: Arguments['values'] | { requests: unknown }, name: string): string {
  const file = (values as Readonly<Record<string, unknown>>)[name]
  if (typeof file !== 'string') throw new UsageError(`\`--${name} FILE\` is needed`)
  return file
}

interface Line {
  readonly line: string
  readonly value: Readonly<Record<string, unknown>>
  readonly at: string
}

async function* readLines(file: string): AsyncGenerator<Line> {
  const bytes = createReadStream(file)
  const unpack = file.endsWith('.gz') ? createGunzip() : file.endsWith('.zst') ? createZstdDecompress() : undefined
  const plain = unpack ? bytes.pipe(unpack) : bytes
  bytes.on('error', (error) => plain.destroy(error))
  let number = 0
  try {
    for await (const line of createInterface({ input: plain, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++
      if (line.trim() === '') continue
      const at = `${file}, line ${number}`
      yield { line, value: parseObject(line, at), at }
    }
  } catch (error) {
    if (error instanceof RampartError || !(error instanceof Error && 'code' in error)) throw error
    throw cliError('cli.file.unreadable', `cannot read \`${file}\`: ${error.message}`, { cause: error })
  }
}

function parseObject(line: string, at: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw cliError('cli.input.malformed', `${at}: ${(error as Error).message}`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw cliError('cli.input.malformed', `${at}: not a JSON object`)
  }
  return value as Readonly<Record<string, unknown>>
}

function documentOf(line: string, at: string): string {
  try {
    return memberText(line, 'document') ?? ''
  } catch (error) {
    throw cliError('cli.input.malformed', `${at}: ${(error as Error).message}`, { cause: error })
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

async function write(io: Io, text: string): Promise<void> {
  if (!io.stdout.write(text)) await new Promise<void>((resolve) => io.stdout.once('drain', () => resolve()))
}
