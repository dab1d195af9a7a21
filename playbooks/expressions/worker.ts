import { parentPort } from 'node:worker_threads'
import type { Environment, ParseResult } from '@marcbachmann/cel-js'
import { sayError } from './check.ts'
import { fromJson, toJson } from './convert.ts'
import { createEnvironment } from './environment.ts'
import { setNow } from './functions.ts'
import type { Answer, Job, Outcome } from './protocol.ts'
import type { Scope } from './value-type.ts'

/** Entry of the thread that evaluates expressions. It may be killed at any time and holds nothing of worth. */

const PROGRAMS_PER_SCOPE_MAX = 2000

interface Known {
  readonly scope: Scope
  readonly env: Environment
  readonly programs: Map<string, ParseResult>
}

const scopes = new Map<string, Known>()
const port = parentPort
if (!port) throw new Error('worker.ts runs as a worker thread')

port.on('message', (message: Job | { readonly forget: string }) => {
  if ('forget' in message) {
    scopes.delete(message.forget)
    return
  }
  port.postMessage({
    kind: 'done',
    id: message.id,
    outcomes: evaluate(message),
    cpuUs: cpuUs(),
  } satisfies Answer)
})
port.postMessage({ kind: 'ready', cpuUs: cpuUs() } satisfies Answer)

function cpuUs(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

function evaluate(job: Job): Outcome[] {
  if (job.scope && !scopes.has(job.scopeKey)) {
    scopes.set(job.scopeKey, { scope: job.scope, env: createEnvironment(job.scope), programs: new Map() })
  }
  const known = scopes.get(job.scopeKey)
  if (!known) throw new Error('the scope was never sent')
  setNow(job.now)
  const bindings: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(job.bindings)) bindings[name] = fromJson(known.scope[name] ?? 'dyn', value)
  return job.expressions.map((text) => evaluateOne(text, known, bindings))
}

function evaluateOne(text: string, known: Known, bindings: Record<string, unknown>): Outcome {
  try {
    let program = known.programs.get(text)
    if (!program) {
      program = known.env.parse(text)
      if (known.programs.size >= PROGRAMS_PER_SCOPE_MAX) known.programs.clear()
      known.programs.set(text, program)
    }
    return { ok: true, value: toJson(program(bindings)) }
  } catch (error) {
    const absent = (error as { code?: unknown }).code === 'no_such_key'
    return { ok: false, code: 'invalid', message: sayError(error), ...(absent ? { absent } : {}) }
  }
}
