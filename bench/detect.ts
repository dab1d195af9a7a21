import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, openSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createZstdDecompress } from 'node:zlib'
import { type EvtxEvent, text, writeEvtx } from '../collectors/testing/evtx-file.ts'
import type { JsonObject } from '../pipeline/index.ts'
import { sharedData } from '../test/support/requirements.ts'
import { installCrate } from './peers/cargo.ts'
import { installPython } from './peers/python.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const root = fileURLToPath(new URL('../', import.meta.url))
const LOOK_EVERY_MS = 50
/** The recordings that hold nearly all events of flat Windows logs. */
const LARGE_FILES = 30
const SAMPLE_EVENTS = 2_000
const EVTX_EVENTS = 30_000
const ROUNDS = 3

/** `rampart detect` as a whole process, with all public Sigma rules, over recorded attacks. On the large recordings beside
 * rsigma and a Python evaluator: the same rules and events, one pinned core each, best of three, rules loaded before. The
 * first run finds nothing kept; the others go on with what it learned. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  const rules = sharedData('sigma')
  const logs = sharedData('attack-logs')
  if (!rules || !logs) return
  const folder = await mkdtemp(join(tmpdir(), 'rampart-bench-detect-'))
  // As `bin/rampart.js` sets it.
  const cache = join(folder, 'cache')
  const env = { ...process.env, XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: join(cache, 'compiled') }
  try {
    const large = join(folder, 'large.ndjson')
    await unpack(logs, large)
    const cold = await detect({ rules, logs: [large], env, pinned: true })
    report({ case: 'rules loaded, cold, one core', value: cold.loadedSec, unit: 's' })
    report({ case: 'large Windows recordings, one core, the first run', value: cold.eventsPerSec, unit: 'events/s' })
    const own = await bestOf(quick ? 1 : ROUNDS, () => detect({ rules, logs: [large], env, pinned: true }))
    report({ case: 'rules loaded, from the cache, one core', value: own.loadedSec, unit: 's' })
    report({ case: 'large Windows recordings, one core', value: own.eventsPerSec, unit: 'events/s' })
    report({ case: 'large Windows recordings, one core, bytes', value: own.megabytesPerSec, unit: 'MB/s' })
    report({ case: 'large Windows recordings, resident memory', value: own.peakMib, unit: 'MiB' })
    const none = await detect({ rules: await oneRule(folder), logs: [large], env, pinned: true })
    report({ case: 'of it for the rules', value: own.peakMib - none.peakMib, unit: 'MiB' })

    const doubled = await doubleRules(rules, folder)
    for (const times of quick ? [1] : [1, 4]) {
      const logs = new Array<string>(times).fill(large)
      await detect({ rules: doubled, logs, env, pinned: true })
      const rounds = quick ? 1 : ROUNDS
      const once = await bestOf(rounds, () => detect({ rules, logs, env, pinned: true }))
      const twice = await bestOf(rounds, () => detect({ rules: doubled, logs, env, pinned: true }))
      const name = `twice the rules${times === 1 ? '' : `, recordings ${times} times`}`
      report({ case: `${name}, one core`, value: twice.eventsPerSec, unit: 'events/s' })
      report({ case: `${name}, loss`, value: 100 * (1 - twice.eventsPerSec / once.eventsPerSec), unit: '%' })
    }

    // Also so often that what a thread needs to start is small beside the work.
    for (const times of quick ? [1] : [4, 16, 32]) {
      const many = new Array<string>(times).fill(large)
      const one = await detect({ rules, logs: many, env, pinned: true })
      const two = await detect({ rules, logs: many, env, jobs: 2 })
      report({ case: `large recordings ${times} times, 1 core`, value: one.eventsPerSec, unit: 'events/s' })
      report({ case: `large recordings ${times} times, 2 cores`, value: two.eventsPerSec, unit: 'events/s' })
      report({ case: `2 cores to 1, ${times} times`, value: two.eventsPerSec / one.eventsPerSec, unit: 'times' })
    }

    const events = join(folder, 'large.evtx')
    await writeFile(events, writeEvtx(await evtxEventsOf(large)))
    const binary = await bestOf(quick ? 1 : ROUNDS, () => detect({ rules, logs: [events], env, pinned: true }))
    report({
      case: 'of the large recordings, as event logs (EVTX), one core',
      value: binary.eventsPerSec,
      unit: 'events/s',
    })

    const all = await detect({ rules, logs: [logs], env })
    report({ case: 'all recordings, packed, 1 thread', value: all.eventsPerSec, unit: 'events/s' })
    await besideRsigma(report, { rules, large, events: own.events, eventsPerSec: own.eventsPerSec, quick })
    await besidePython(report, { rules, large, folder, eventsPerSec: own.eventsPerSec })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Detected {
  readonly events: number
  readonly eventsPerSec: number
  readonly megabytesPerSec: number
  readonly loadedSec: number
  readonly peakMib: number
}

interface Asked {
  readonly rules: string
  readonly logs: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly jobs?: number
  /** On one core, with all threads that the engine has beside. */
  readonly pinned?: boolean
}

async function detect({ rules, logs, env, jobs = 1, pinned = false }: Asked): Promise<Detected> {
  const words = ['--disable-warning=ExperimentalWarning', 'cli/main.ts', 'detect', '--rules', rules]
  const command = [process.execPath, ...words, '--jobs', String(jobs), ...logs]
  const [program = '', ...rest] = pinned ? ['taskset', '-c', '0', ...command] : command
  const child = spawn(program, rest, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'], env })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += String(chunk)
  })
  const closed = once(child, 'close')
  let peakMib = 0
  while (child.exitCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    peakMib = Math.max(peakMib, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
    await delay(LOOK_EVERY_MS)
  }
  const [code] = (await closed) as [number]
  if (code !== 0) throw new Error(`rampart detect left with ${code}:\n${said}`)
  const figure = (pattern: RegExp) => Number(pattern.exec(said)?.[1]?.replaceAll(',', ''))
  return {
    events: figure(/([\d,]+) events in/),
    eventsPerSec: figure(/: ([\d,]+) events\/s/),
    megabytesPerSec: figure(/events\/s, ([\d,.]+) MB\/s/),
    loadedSec: figure(/loaded in ([\d.]+) s/),
    peakMib,
  }
}

async function bestOf(rounds: number, once: () => Promise<Detected>): Promise<Detected> {
  let best = await once()
  for (let round = 1; round < rounds; round++) {
    const next = await once()
    if (next.eventsPerSec > best.eventsPerSec) best = next
  }
  return best
}

/** The largest recordings of flat Windows events, unpacked into one file. */
async function unpack(logs: string, into: string): Promise<void> {
  const names = readdirSync(logs).filter((name) => name.startsWith('otrf-') && name.endsWith('.zst'))
  const bySize = names.sort((a, b) => statSync(join(logs, b)).size - statSync(join(logs, a)).size)
  for (const name of bySize.slice(0, LARGE_FILES)) {
    const target = createWriteStream(into, { flags: 'a' })
    await pipeline(createReadStream(join(logs, name)), createZstdDecompress(), target)
  }
}

/** The first flat events of a file, as Windows writes them into a log. */
async function evtxEventsOf(path: string): Promise<readonly EvtxEvent[]> {
  const events: EvtxEvent[] = []
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const event = JSON.parse(line) as JsonObject
    const { Channel: channel, EventID: eventId, Message, ...data } = event
    if (typeof channel !== 'string' || typeof eventId !== 'number') continue
    events.push({
      ...{ channel, eventId, ticks: 134_400_000_000_000_000n },
      data: Object.entries(data).map(([name, value]) => [name, text(String(value))] as const),
    })
    if (events.length === EVTX_EVENTS) break
  }
  return events
}

async function oneRule(folder: string): Promise<string> {
  const path = join(folder, 'one.yml')
  await writeFile(
    path,
    'title: One\nid: one\nlogsource: {product: windows}\ndetection: {s: {EventID: 1, Image: none}, condition: s}\n',
  )
  return path
}

/** Every rule twice, the copies under names of their own. */
async function doubleRules(rules: string, folder: string): Promise<string> {
  const into = join(folder, 'doubled')
  for (const entry of readdirSync(rules, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.ya?ml$/.test(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    const text = readFileSync(path, 'utf8')
    for (const copy of ['a', 'b']) {
      const target = join(into, copy, path.slice(rules.length))
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, copy === 'a' ? text : text.replace(/^id: .*$/gm, (line) => `${line}-b`))
    }
  }
  return into
}

interface Beside {
  readonly rules: string
  readonly large: string
  readonly eventsPerSec: number
}

async function besideRsigma(
  report: Report,
  { rules, large, events, eventsPerSec, quick }: Beside & { readonly events: number; readonly quick: boolean },
): Promise<void> {
  const installed = await installCrate({ crate: 'rsigma', version: '0.23.0' })
  if (!installed.ok) {
    console.log(`  rsigma: not measured, because ${installed.error}`)
    return
  }
  const seconds = async (input: string, more: readonly string[]): Promise<number> => {
    const words = ['-c', '0', installed.value, 'engine', 'eval', '-r', rules, '-p', 'sysmon', '--no-stats', ...more]
    const startedAt = performance.now()
    const child = spawn('taskset', words, { stdio: [openSync(input, 'r'), 'ignore', 'ignore'] })
    const [code] = (await once(child, 'close')) as [number]
    if (code !== 0) throw new Error(`rsigma left with ${code}`)
    return (performance.now() - startedAt) / 1000
  }
  for (const more of [[], ['--logsource-routing']]) {
    const name = `rsigma 0.23.0${more.length === 0 ? '' : ', routed'}`
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
      best = Math.min(best, (await seconds(large, more)) - (await seconds('/dev/null', more)))
    }
    report({ case: `${name}, one core`, value: events / best, unit: 'events/s' })
    report({ case: `rampart to ${name}`, value: eventsPerSec / (events / best), unit: 'times' })
  }
}

async function besidePython(
  report: Report,
  { rules, large, folder, eventsPerSec }: Beside & { readonly folder: string },
): Promise<void> {
  const packages = ['pysigma==1.5.1', 'pysigma-pipeline-sysmon==2.0.0', 'pysigma-pipeline-windows==2.0.1']
  const installed = await installPython('pysigma', packages)
  if (!installed.ok) {
    console.log(`  pySigma: not measured, because ${installed.error}`)
    return
  }
  // Lines from all over the recordings: neighbours are alike.
  const lines = readFileSync(large, 'utf8').split('\n')
  const every = Math.max(1, Math.floor(lines.length / SAMPLE_EVENTS))
  const sample = join(folder, 'sample.ndjson')
  await writeFile(sample, lines.filter((line, index) => line !== '' && index % every === 0).join('\n'))
  const script = join(root, 'bench/peers/pysigma.py')
  const { stdout } = await promisify(execFile)('taskset', ['-c', '0', installed.value, script, rules, sample])
  const { events, seconds } = JSON.parse(stdout) as { events: number; seconds: number }
  report({ case: 'pySigma and plain Python, one core', value: events / seconds, unit: 'events/s' })
  report({ case: 'rampart to pySigma and plain Python', value: eventsPerSec / (events / seconds), unit: 'times' })
}
