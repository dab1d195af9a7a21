import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { printable } from '../platform/base/index.ts'
import { formatProblem, lintPlaybook, testPlaybook } from '../playbooks/index.ts'
import { ApiError, type Client, clientOptions, connect } from './client.ts'
import { type Arguments, type Command, type Io, UsageError } from './command.ts'

const POLL_MS = 200
const ENDED = ['succeeded', 'failed', 'cancelled', 'compensated']

/** Checks playbooks as the service does when they are saved. */
export const playbookLintCommand: Command = {
  name: 'playbook lint',
  usage: 'playbook lint FILE… [--json]',
  options: { json: { type: 'boolean', description: 'print one JSON object a problem' } },
  async run(args, io) {
    let wrong = false
    for (const file of filesOf(args)) {
      const { playbook, problems } = lintPlaybook(await readText(file))
      wrong ||= !playbook
      for (const problem of problems) {
        const line = args.values.json ? JSON.stringify({ file, ...problem }) : formatProblem(file, problem)
        io.stdout.write(`${line}\n`)
      }
    }
    return wrong ? 1 : 0
  },
}

/** Runs the tests that stand in playbooks. */
export const playbookTestCommand: Command = {
  name: 'playbook test',
  usage: 'playbook test FILE… [--json]',
  options: { json: { type: 'boolean', description: 'print one JSON object a test' } },
  async run(args, io) {
    let failed = 0
    let passed = 0
    for (const file of filesOf(args)) {
      const { playbook, problems } = lintPlaybook(await readText(file))
      if (!playbook) {
        for (const problem of problems) io.stderr.write(`${formatProblem(file, problem)}\n`)
        failed += 1
        continue
      }
      for (const { name, failures } of await testPlaybook(playbook)) {
        if (failures.length > 0) failed += 1
        else passed += 1
        if (args.values.json)
          io.stdout.write(`${JSON.stringify({ file, name, passed: failures.length === 0, failures })}\n`)
        else
          io.stdout.write(
            `${file}: ${failures.length > 0 ? 'failed' : 'ok'}: ${printable(name)}\n${failures.map((text) => `    ${printable(text)}\n`).join('')}`,
          )
      }
    }
    io.stderr.write(`${passed} passed, ${failed} failed\n`)
    return failed > 0 ? 1 : 0
  },
}

interface Run {
  readonly status: string
  readonly steps: readonly {
    readonly id: string
    readonly status: string
    readonly attempts: number
    readonly error?: { readonly message: string }
  }[]
  readonly outputs?: unknown
  readonly error?: { readonly code: string; readonly message: string; readonly step?: string }
  readonly reason?: string
}

/** Saves a playbook at a running service, starts it, and shows its steps until it has ended. */
export const playbookRunCommand: Command = {
  name: 'playbook run',
  usage: 'playbook run FILE [--input NAME=VALUE]… [--json]',
  options: {
    ...clientOptions,
    input: { type: 'string', multiple: true, value: 'NAME=VALUE', description: 'an input; the value is JSON, or text' },
    json: { type: 'boolean', description: 'print the run as JSON when it has ended' },
  },
  async run(args, io) {
    const [file, ...more] = filesOf(args)
    if (file === undefined || more.length > 0) throw new UsageError('give one file')
    const inputs = inputsOf(args.values.input)
    const text = await readText(file)
    const { playbook, problems } = lintPlaybook(text)
    for (const problem of problems) io.stderr.write(`${formatProblem(file, problem)}\n`)
    if (!playbook) return 1
    try {
      const client = await connect(args.values)
      const base = `/v1/workspaces/${encodeURIComponent(client.workspace)}`
      const path = `${base}/playbooks/${encodeURIComponent(playbook.id)}`
      await client.call(path, { method: 'PUT', body: text, contentType: 'application/yaml' })
      const { runId } = await client.call<{ runId: string }>(`${path}/runs`, { body: { inputs } })
      const run = await watch(client, `${base}/runs/${runId}`, io)
      if (args.values.json) io.stdout.write(`${JSON.stringify(run)}\n`)
      else io.stdout.write(`${printable(`${runId} ${run.status}${sayEnd(run)}`)}\n`)
      return run.status === 'succeeded' ? 0 : 1
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      io.stderr.write(`rampart playbook run: ${error.message}\n`)
      return 1
    }
  },
}

/** Says each step's change once, until the run has ended. */
async function watch(client: Client, path: string, io: Io): Promise<Run> {
  const shown = new Map<string, string>()
  while (true) {
    const run = await client.call<Run>(path)
    for (const step of run.steps) {
      const state = `${step.status}${step.attempts > 1 ? ` (attempt ${step.attempts})` : ''}`
      if (step.status === 'pending' || shown.get(step.id) === state) continue
      shown.set(step.id, state)
      io.stderr.write(`  ${printable(`${step.id}: ${state}${step.error ? `: ${step.error.message}` : ''}`)}\n`)
    }
    if (ENDED.includes(run.status)) return run
    await delay(POLL_MS)
  }
}

function sayEnd(run: Run): string {
  if (run.error)
    return `: ${run.error.step === undefined ? '' : `${run.error.step}: `}${run.error.code}: ${run.error.message}`
  if (run.reason !== undefined) return `: ${run.reason}`
  return run.outputs && Object.keys(run.outputs).length > 0 ? ` ${JSON.stringify(run.outputs)}` : ''
}

function filesOf(args: Arguments): readonly string[] {
  if (args.positionals.length === 0) throw new UsageError('give one file')
  return args.positionals
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`)
  }
}

function inputsOf(given: Arguments['values'][string]): { [name: string]: unknown } {
  const inputs: { [name: string]: unknown } = {}
  for (const pair of Array.isArray(given) ? (given as readonly string[]) : []) {
    const at = pair.indexOf('=')
    if (at < 1) throw new UsageError(`\`${pair}\` is no NAME=VALUE`)
    inputs[pair.slice(0, at)] = parseValue(pair.slice(at + 1))
  }
  return inputs
}

/** JSON where it is, else the text itself: `ip=192.0.2.1` needs no quotes. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
