import { Worker } from 'node:worker_threads'
import { alertRoutes, caseMigrations, createCases, entityRoutes, type IncomingFinding } from './cases/index.ts'
import { recordRoutes, startSyslog } from './collectors/index.ts'
import { createAuditSink } from './compliance/index.ts'
import {
  backtestRoutes,
  backtestThread,
  baselineMigrations,
  baselineRoutes,
  coverageRoutes,
  createBacktests,
  createBaselines,
  createHunts,
  createRuleHealth,
  createRules,
  exclusionRoutes,
  type Finding,
  healthRoutes,
  huntRoutes,
  huntThread,
  pipelineRoutes,
  ruleMigrations,
  ruleRoutes,
  TALLY_INTERVAL_MS,
} from './detection/index.ts'
import { type BreakGlassUse, createIam, iamMigrations, iamRoutes } from './iam/index.ts'
import { createIntel, type Intel, intelMigrations } from './intel/index.ts'
import {
  compileFilter,
  countSteps,
  createPipes,
  DEFAULT_NAME,
  dropExpired,
  LOGS_PIPE,
  openPartitionLog,
  pipeMigrations,
  pipeRoutes,
  type ShardStep,
  searchRoutes,
  showLogCounters,
  startProcessor,
} from './pipeline/index.ts'
import {
  type Api,
  type Channel,
  type Clock,
  type Config,
  createJobs,
  createMetrics,
  createServer,
  defineErrors,
  jobMigrations,
  jobRoutes,
  type Log,
  migrate,
  openChannel,
  openDatabase,
  openDataDir,
  openSealer,
  probeRoutes,
  type Stop,
} from './platform/index.ts'
import { createPlaybooks, playbookMigrations } from './playbooks/index.ts'

const serviceError = defineErrors({
  'platform.http.cannotListen': { status: 500, title: 'The API cannot listen' },
})

const VERSION = '0.1.0'

export interface ServiceDeps {
  readonly clock: Clock
  readonly log: Log
  /** What the service adds its own end to. */
  readonly stop: Stop
}

/** A running service. */
export interface Service {
  readonly api: Api
  /** URL of the API. */
  readonly endpoint: string
  /** What listens where. */
  readonly ports: { readonly http: number; readonly syslogTcp?: number; readonly syslogUdp?: number }
  /** The first account was made just now. */
  readonly firstStart: boolean
}

/** What a processor thread finds in its `workerData`. */
export interface ProcessorData {
  readonly logDir: string
  readonly storeDir: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Who the log waits for before it lets records go. */
const PROCESSOR = 'processor'
/** Heap of the thread of a back-test. */
const BACKTEST_MEMORY_MB = 768
const UPKEEP_EVERY_MS = 10 * 60 * 1000

/** Builds every part of the process, hands each what it needs, and resolves when the service is ready. */
export async function startService(config: Config, deps: ServiceDeps): Promise<Service> {
  const { clock, log, stop } = deps
  const dataDir = openDataDir(config.dataDir)
  stop.on('release', 'data folder', () => dataDir.close())
  const metrics = createMetrics({ runtime: true })
  const does = (role: Config['roles'][number]) => config.roles.includes(role)

  const sealer = openSealer({ dataDir: dataDir.path })
  const url = config.database.url?.revealText()
  const database = openDatabase(url === undefined ? { file: dataDir.file('rampart.db') } : { url })
  const migrations = [
    jobMigrations,
    iamMigrations,
    pipeMigrations,
    ruleMigrations,
    baselineMigrations,
    intelMigrations,
    caseMigrations,
  ]
  await migrate(database, [...migrations, playbookMigrations].flat(), clock)
  const logDir = dataDir.folder('log')
  const partitionLog = await openPartitionLog({ dir: logDir, clock, consumers: [PROCESSOR], log })
  showLogCounters(metrics, partitionLog.counters)

  const cases = createCases({ database, clock, log, metrics })
  const onBreakGlass = (use: BreakGlassUse) => cases.takeFindings([breakGlassFinding(use)])
  const iam = await createIam({ database, sealer, clock, log, metrics, onBreakGlass })
  const audit = createAuditSink({
    log: partitionLog,
    clock,
    firstAccount: () => iam.accounts()[0],
    messages: log,
    metrics,
  })
  const jobs = createJobs({ database, clock, log, metrics })

  let trouble: string | undefined = 'the service is starting'
  const countStep = countSteps(metrics)
  const processor = await startProcessor({
    entry: new URL('./processor.ts', import.meta.url),
    data: { logDir, storeDir: dataDir.folder('events'), logLevel: log.level } as ProcessorData,
    log: partitionLog,
    handlers: {
      'findings.take': async (findings: readonly Finding[]) => {
        const [tried, alerting] = [findings.filter(({ canary }) => canary), findings.filter(({ canary }) => !canary)]
        await health.takeCanaryFindings(tried)
        await takeFindings(alerting)
      },
      'step.done': (step: ShardStep) => {
        countStep(step, clock.now())
        for (const gap of step.gaps)
          log.error({ gap, shard: step.shard }, 'a damaged stretch of the log is stepped over')
        return partitionLog.commit(PROCESSOR, step.shard, step.nextOffset)
      },
    },
    onLost: (error) => {
      trouble = 'the processor is lost'
      log.fatal({ err: error }, 'the processor is lost; stopping, since nothing would be processed')
      stop.request('the processor is lost', 'failed')
    },
  })
  const intel = createIntel({
    ...{ database, clock, log, jobs, sealer },
    egressAllow: config.playbooks.egressAllow,
    publish: (change) => processor.channel.call('intel.change', change),
    onStronger: (place, stronger) => hunts.startFor(place, stronger),
  })
  const takeFindings = async (findings: readonly Finding[]) => {
    await cases.takeFindings(findings)
    await recordSightings(intel, findings)
  }
  const hunts = createHunts({
    ...{ jobs, store: processor.store, clock, log, takeFindings },
    collect: (place, query) => intel.collectHunt(place, query),
    startThread: async () => startReplayer(huntThread),
  })
  const rules = createRules({ database, clock, apply: (change) => processor.channel.call('rules.change', change) })
  const baselines = createBaselines({
    ...{ database, sealer, clock, log },
    alerts: cases.explainedAlerts,
    call: processor.channel.call,
  })
  cases.onAlert(({ account, alert }) => baselines.alertChanged(account, alert.rule_id))
  stop.on('work', 'baselines', () => baselines.stop())
  const health = createRuleHealth({
    database,
    clock,
    rules,
    pull: () => processor.channel.call('rules.tallies', undefined),
  })
  const backtests = createBacktests({
    jobs,
    rules,
    store: processor.store,
    clock,
    startThread: async () => startReplayer(backtestThread),
  })
  const pipes = createPipes({
    database,
    clock,
    declare: processor.store.declare,
    dropEvents: (pipe) => processor.store.dropBefore(pipe, Number.MAX_SAFE_INTEGER),
  })

  let endpoint = ''
  const playbooks = createPlaybooks({
    database,
    sealer,
    clock,
    log,
    metrics,
    authorizer: iam.authorizer,
    audit,
    runAs: async (account, role, sessionPolicies) => iam.principalOfRole(account, role, sessionPolicies),
    alertChanges: cases.alertChanges,
    // The request id of a step is its key: an attempt that is made again changes nothing twice.
    updateAlert: (ctx, workspace, id, patch) =>
      cases.updateAlert(ctx, workspace, id, patch, { onceKey: ctx.requestId }),
    egressAllow: config.playbooks.egressAllow,
    publicUrl: () => endpoint,
    alone: database.dialect === 'sqlite',
  })

  stop.on('work', 'playbooks', () => playbooks.stop())
  stop.on('work', 'jobs', () => jobs.stop())
  stop.on('work', 'intel', () => intel.stop())
  const collecting = setInterval(() => {
    health.collect().catch((err: unknown) => log.warn({ err }, 'what rules did cannot be written down'))
  }, TALLY_INTERVAL_MS)
  stop.on('work', 'processor', async () => {
    clearInterval(collecting)
    await health.collect().catch((err: unknown) => log.warn({ err }, 'what rules did last is not written down'))
    await processor.stop()
  })
  stop.on('storage', 'audit, log and database', async () => {
    await audit.stop()
    await iam.close()
    await partitionLog.close()
    await database.close()
  })

  const { requireWorkspace } = pipes
  const { store } = processor
  const { authenticator, authorizer } = iam
  const api = await createServer({
    log,
    version: VERSION,
    clock,
    authenticator,
    authorizer,
    audit,
    trustedProxies: config.http.trustedProxies,
    routes: [
      probeRoutes({ metrics, trouble: async () => trouble }),
      iamRoutes(iam, { compileFilter, publicUrl: () => endpoint }),
      jobRoutes(jobs, compileFilter),
      pipeRoutes(pipes),
      recordRoutes({ log: partitionLog, clock, metrics, requirePipe: pipes.requirePipe }),
      searchRoutes({ store, authorizer, requireWorkspace }),
      ruleRoutes(rules, { compileFilter, requireWorkspace }),
      ...intel.routes({
        compileFilter,
        requireWorkspace,
        workspaces: async (account) =>
          (await pipes.listWorkspaces(account, { limit: 1000 })).items.map(({ name }) => name),
        publicUrl: () => endpoint,
      }),
      baselineRoutes(baselines, { requireWorkspace }),
      exclusionRoutes(rules, { requireWorkspace, collect: health.collect }),
      pipelineRoutes(rules, { requireWorkspace }),
      healthRoutes(health, { requireWorkspace }),
      coverageRoutes({ rules, health, requireWorkspace }),
      backtestRoutes(backtests, { authorizer, requireWorkspace }),
      huntRoutes(hunts, {
        ...{ authorizer, requireWorkspace },
        requireIndicator: (account, workspace, id) => intel.indicators.get({ account, workspace }, id),
      }),
      alertRoutes(cases, { compileFilter, requireWorkspace }),
      entityRoutes(cases.entities, { compileFilter, requireWorkspace }),
      playbooks.routes({ compileFilter, requireWorkspace }),
    ],
  })
  stop.on('intake', 'API', () => api.close())
  const { host } = config.http
  await listen(api, host, config.http.port)
  const http = (api.server.address() as { port: number }).port
  endpoint = config.http.publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${http}`

  const first = await iam.bootstrap((made) => dataDir.publishBootstrapCredentials({ ...made, endpoint }))
  for (const account of iam.accounts()) {
    await pipes.ensureAccount(account)
    await rules.load(account)
    await intel.load(account)
    await baselines.load(account)
  }
  iam.onAccount(async (account) => {
    await pipes.ensureAccount(account)
    await rules.load(account)
    await intel.load(account)
    await baselines.load(account)
  })
  if (does('processor')) processor.begin()

  jobs.define(
    'upkeep',
    () => undefined,
    async () => {
      await cases.prune()
      await intel.prune()
      await health.prune()
      return dropExpired(iam.accounts(), { pipes, log: partitionLog, store, clock })
    },
    { everyMs: UPKEEP_EVERY_MS },
  )
  await jobs.start()
  if (does('playbooks')) await playbooks.start()

  const account = iam.accounts()[0]
  const port = (wanted: number) => (wanted === -1 ? undefined : wanted)
  const syslog =
    account &&
    does('collector') &&
    (await startSyslog({
      host: '127.0.0.1',
      tcpPort: port(config.syslog.tcpPort),
      udpPort: port(config.syslog.udpPort),
      log: partitionLog,
      target: { account, workspace: DEFAULT_NAME, dataspace: DEFAULT_NAME, pipe: LOGS_PIPE, shard: 0 },
      clock,
      metrics,
    }))
  stop.on('intake', 'syslog', async () => {
    const left = syslog && (await syslog.stop())
    if (left && left.abandoned > 0) log.warn(left, 'syslog messages could not be made durable in time')
  })
  const ports = {
    http,
    ...(!syslog || syslog.tcpPort === undefined ? {} : { syslogTcp: syslog.tcpPort }),
    ...(!syslog || syslog.udpPort === undefined ? {} : { syslogUdp: syslog.udpPort }),
  }
  trouble = undefined
  dataDir.publishRuntime({ pid: process.pid, endpoint, ...ports })
  return { api, endpoint, ports, firstStart: first !== undefined }
}

/** One alert a user while it is open, counting what it does. */
function breakGlassFinding({ id, account, userName, action, resource, at }: BreakGlassUse): IncomingFinding {
  return {
    id: `break-glass/${id}`,
    account,
    workspace: DEFAULT_NAME,
    kind: 'rule',
    rule: {
      id: 'rampart.break-glass',
      title: `The break-glass user ${userName} is used: ${action} on ${resource}`,
      severity: 'critical',
      techniques: ['T1078'],
      dedup: { key: userName },
    },
    time: at,
    recordIds: [],
    entities: { users: [userName] },
  }
}

/** Writes which indicators were met where. Findings that come again change nothing. */
async function recordSightings({ indicators }: Intel, findings: readonly Finding[]): Promise<void> {
  for (const { id, account, workspace, time, recordIds, indicator } of findings) {
    if (!indicator) continue
    const { id: met, entity, observable } = indicator
    const sighting = { id, indicator: met, entity, at: time, observable, recordIds }
    await indicators.recordSightings({ account, workspace }, [sighting])
  }
}

/** A thread for one back-test or hunt, bounded in memory: whatever the rules hold on to, the service goes on. */
function startReplayer<Thread>(asThread: (channel: Channel, stop: () => Promise<void>) => Thread): Thread {
  const resourceLimits = { maxOldGenerationSizeMb: BACKTEST_MEMORY_MB }
  const worker = new Worker(new URL('./replayer.ts', import.meta.url), { name: 'rampart-replayer', resourceLimits })
  const channel = openChannel(worker, {})
  worker.on('error', (error) => channel.close(`the thread that reads events again failed: ${String(error)}`))
  worker.on('exit', () => channel.close('the thread that reads events again ended'))
  return asThread(channel, async () => void (await worker.terminate()))
}

async function listen(api: Api, host: string, port: number): Promise<void> {
  try {
    await api.listen({ host, port })
  } catch (error) {
    throw serviceError(
      'platform.http.cannotListen',
      `the API cannot listen on ${host} port ${port} (${(error as NodeJS.ErrnoException).code}); set \`http.port\` or \`http.host\`, 0 = any free port`,
      { cause: error },
    )
  }
}
