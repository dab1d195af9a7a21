import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { startService } from '../main.ts'
import {
  createLog,
  createStop,
  findBootstrapCredentials,
  type LoadedConfig,
  loadConfig,
  stopOnSignals,
  systemClock,
} from '../platform/index.ts'
import { connect } from './client.ts'
import { type Arguments, type Command, type Io, UsageError } from './command.ts'
import { playDemo, readDemoStory } from './demo/demo.ts'
import { type Receiver, startReceiver } from './demo/receiver.ts'
import type { Story } from './demo/story.ts'

const DEMO_DATA_DIR = 'data/demo'
/** Marks a data folder as one that a demo made, and that the next demo may therefore empty. */
const DEMO_MARK = 'demo.mark'
const HTTP_PORT = 8080

/** Runs the service until it is told to stop. */
export const serveCommand: Command = {
  name: 'serve',
  usage: 'serve [--config FILE] [--data-dir DIR] [--roles LIST] [--demo [--exit]]',
  options: {
    config: { type: 'string', value: 'FILE', description: 'configuration file (YAML)' },
    'data-dir': { type: 'string', value: 'DIR', description: 'data folder; wins over file and environment' },
    roles: { type: 'string', value: 'LIST', description: 'what this process does: api,collector,processor,playbooks' },
    demo: { type: 'boolean', description: `play an intrusion through a service in ${DEMO_DATA_DIR} and show it live` },
    exit: { type: 'boolean', description: 'with --demo: leave after the story; 0 only if all it expects was seen' },
  },
  async run(args, io) {
    if (args.values.exit && !args.values.demo) throw new UsageError('--exit goes with --demo')
    return args.values.demo ? serveDemo(args, io) : serve(args, io)
  },
}

async function serve(args: Arguments, io: Io): Promise<number> {
  const loaded = load(args, io, {})
  const running = await start(loaded, io, 'info')
  const { dataDir } = loaded.config
  io.stdout.write(`Rampart is ready at ${running.service.endpoint} (API docs: ${running.service.endpoint}/docs)\n`)
  if (running.service.firstStart) {
    io.stdout.write(`The first user's credentials are in ${join(dataDir, 'bootstrap-credentials.json')}\n`)
  }
  return running.stop.stopped
}

async function serveDemo(args: Arguments, io: Io): Promise<number> {
  const story = await readDemoStory()
  const receiver = await startReceiver(story.receiver)
  try {
    const loaded = load(args, io, {
      data_dir: args.values['data-dir'] ?? DEMO_DATA_DIR,
      'http.port': await portOrAny(HTTP_PORT),
      'syslog.tcp_port': 0,
      'syslog.udp_port': 0,
      'playbooks.egress_allow': [receiver.address],
    })
    const { dataDir } = loaded.config
    await startAfresh(dataDir)
    const running = await start(loaded, io, 'error')
    const found = await play(story, receiver, running, dataDir, io)
    if (args.values.exit) running.stop.request('the demo is over')
    else tellWhatNext(running.service.endpoint, dataDir, io)
    const code = await running.stop.stopped
    return args.values.exit && !found ? 1 : code
  } finally {
    receiver.close()
  }
}

type Running = Awaited<ReturnType<typeof start>>

async function start(loaded: LoadedConfig, io: Io, level: 'info' | 'error') {
  for (const warning of loaded.warnings) io.stderr.write(`warning: ${warning}\n`)
  const log = createLog({ clock: systemClock, stream: io.stderr, level })
  const stop = createStop({ log })
  stopOnSignals(stop, log)
  try {
    return { service: await startService(loaded.config, { clock: systemClock, log, stop }), stop }
  } catch (error) {
    // What was begun has to end, or it would keep the process.
    stop.request('the service could not start', 'failed')
    await stop.stopped
    throw error
  }
}

async function play(story: Story, receiver: Receiver, running: Running, dataDir: string, io: Io): Promise<boolean> {
  io.stdout.write(`Rampart is ready at ${running.service.endpoint}; playing the story into ${dataDir}\n`)
  const { syslogTcp, syslogUdp } = running.service.ports
  if (syslogTcp === undefined || syslogUdp === undefined) throw new UsageError('the demo needs the collector role')
  return playDemo(story, {
    client: await connect({ 'data-dir': dataDir }),
    ports: { syslogTcp, syslogUdp },
    receiver: receiver.address,
    clock: systemClock,
    io,
    signal: running.stop.signal,
  })
}

function tellWhatNext(endpoint: string, dataDir: string, io: Io): void {
  const credentials = findBootstrapCredentials(dataDir)
  io.stdout.write(`
What next
  API docs       ${endpoint}/docs
  Sign in        user ${credentials?.userName}, password in ${join(dataDir, 'bootstrap-credentials.json')};
                 or a token for curl: npx rampart token --data-dir ${dataDir}
  Search         npx rampart search --data-dir ${dataDir} 'source=logs | stats count() by hostname'
  The content    content/rules and content/demo/playbooks: what you just saw at work
Ctrl-C stops the service.
`)
}

/** Empties the folder of an earlier demo; a folder that no demo made is left alone and refused. */
async function startAfresh(dataDir: string): Promise<void> {
  if (existsSync(dataDir) && !existsSync(join(dataDir, DEMO_MARK))) {
    throw new UsageError(`${dataDir} holds data that no demo made; give another --data-dir`)
  }
  await rm(dataDir, { recursive: true, force: true })
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(join(dataDir, DEMO_MARK), '')
}

/** The port wanted, or 0 where something listens on it already. */
async function portOrAny(wanted: number): Promise<number> {
  const probe = createServer()
  try {
    probe.listen(wanted, '127.0.0.1')
    await once(probe, 'listening')
    return wanted
  } catch {
    return 0
  } finally {
    probe.close()
  }
}

function load(args: Arguments, io: Io, demo: Readonly<Record<string, unknown>>): LoadedConfig {
  const { config, roles, 'data-dir': dataDir } = args.values
  return loadConfig({
    env: io.env,
    ...(typeof config === 'string' ? { file: config } : {}),
    overrides: {
      ...(typeof dataDir === 'string' ? { data_dir: dataDir } : {}),
      ...(typeof roles === 'string' ? { roles } : {}),
      ...demo,
    },
  })
}
