// A light load generator, in a process of its own: `node bench/support/http-load.ts SPEC.json` sends the bodies again and
// again over so many connections, on each the next when the last is answered, and prints what came of it as JSON.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

/** What to send. */
export interface LoadSpec {
  readonly port: number
  /** Of the server. */
  readonly pid: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly bodies: readonly string[]
  readonly connections: number
  /** Before anything is counted. */
  readonly warmUpSeconds: number
  readonly seconds: number
}

export interface LoadResult {
  readonly requestsPerSec: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers of another status than 200. */
  readonly failed: number
  /** Requests for each second of processor time of the server; a neighbour on the machine counts little in it. */
  readonly requestsPerCoreSec: number
}

const [file] = process.argv.slice(2)
if (file) console.log(JSON.stringify(await run(JSON.parse(readFileSync(file, 'utf8')) as LoadSpec)))

async function run(spec: LoadSpec): Promise<LoadResult> {
  const requests = spec.bodies.map((body) => messageOf(spec, body))
  const delays: number[] = []
  let next = 0
  let counting = false
  let stopped = false
  let failed = 0
  const one = (): Promise<void> => {
    const socket = connect({ port: spec.port, host: '127.0.0.1', noDelay: true })
    let sentAt = 0
    let pending: Buffer = Buffer.alloc(0)
    const send = () => {
      sentAt = performance.now()
      socket.write(requests[next++ % requests.length] as Buffer)
    }
    return new Promise((resolve, reject) => {
      socket.on('connect', send)
      socket.on('error', reject)
      socket.on('close', () => resolve())
      socket.on('data', (chunk) => {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
        const answer = readAnswer(pending)
        if (!answer || pending.length < answer.length) return
        pending = pending.subarray(answer.length)
        if (counting) {
          delays.push(performance.now() - sentAt)
          if (answer.status !== 200) failed++
        }
        if (stopped) socket.destroy()
        else send()
      })
    })
  }
  const all = Promise.all(Array.from({ length: spec.connections }, one))
  await pause(spec.warmUpSeconds)
  counting = true
  const startedAt = performance.now()
  const cpu = coreSeconds(spec.pid)
  await pause(spec.seconds)
  const elapsed = (performance.now() - startedAt) / 1000
  const used = coreSeconds(spec.pid) - cpu
  counting = false
  stopped = true
  const count = delays.length
  await all
  delays.sort((a, b) => a - b)
  return {
    requestsPerSec: count / elapsed,
    p50Ms: delays[Math.floor(count * 0.5)] ?? 0,
    p99Ms: delays[Math.floor(count * 0.99)] ?? 0,
    failed,
    requestsPerCoreSec: count / used,
  }
}

/** Processor time that a process has taken, from /proc/<pid>/stat: user and system time in hundredths of a second. */
function coreSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function messageOf({ path, port, headers }: LoadSpec, body: string): Buffer {
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

/** Where the first answer of `bytes` ends, once its head is there. */
function readAnswer(bytes: Buffer): { readonly length: number; readonly status: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = bytes.toString('latin1', 0, end)
  const length = /\r\ncontent-length: *([0-9]+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer without Content-Length: ${head.slice(0, 200)}`)
  return { length: end + 4 + Number(length), status: Number(head.slice(9, 12)) }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}
