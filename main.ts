import { alertRoutes, breakGlassFinding, caseMigrations, createCases, entityRoutes } from './cases/index.ts'
import { recordRoutes, startSyslog } from './collectors/index.ts'
import { createAuditSink } from './compliance/index.ts'
import { createDetection, type Detection, detectionMigrations, type Finding } from './detection/index.ts'
import { createIam, iamMigrations, iamRoutes } from './iam/index.ts'
import { createIntel, intelMigrations } from './intel/index.ts'
import { compileFilter, DEFAULT_NAME, LOGS_PIPE, openPipeline, pipeMigrations } from './pipeline/index.ts'
import {
  type AccountId,
  type Api,
  type Clock,
  type Config,
  createJobs,
  createMetrics,
  createServer,
  jobMigrations,
  jobRoutes,
  type Log,
  listenOn,
  migrate,
  openDatabase,
  openDataDir,
  openSealer,
  probeRoutes,
  type Stop,
} from './platform/index.ts'
import { createPlaybooks, playbookMigrations } from './playbooks/index.ts'

const VERSION = '0.1.0'
const UPKEEP_EVERY_MS = 10 * 60 * 1000

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

/** Builds every part of the process, hands each what it needs, and resolves when the service is ready. */
export async function startService(config: Config, deps: ServiceDeps): Promise<Service> {
  const { clock, log, stop } = deps
  const dataDir = openDataDir(config.dataDir)
  stop.on('release', 'data folder', () => dataDir.close())
  const metrics = createMetrics({ runtime: true })
  const sealer = openSealer({ dataDir: dataDir.path })
  const url = config.database.url?.revealText()
  const database = openDatabase(url === undefined ? { file: dataDir.file('rampart.db') } : { url })
  const migrations = [
    jobMigrations,
    iamMigrations,
    pipeMigrations,
    detectionMigrations,
    intelMigrations,
    caseMigrations,
    playbookMigrations,
  ]
  await migrate(database, migrations.flat(), clock)
  const jobs = createJobs({ database, clock, log, metrics })

  let trouble: string | undefined = 'the service is starting'
  const pipeline = await openPipeline({
    ...{ database, clock, log, metrics },
    logDir: dataDir.folder('log'),
    storeDir: dataDir.folder('events'),
    detector: {
      dir: dataDir.folder('correlations'),
      memoryBytes: config.detection.correlationMemoryMb * 2 ** 20,
      diskBytes: config.detection.correlationDiskMb * 2 ** 20,
    },
    processor: new URL('./processor.ts', import.meta.url),
    addressDatabases: config.enrichment.databases,
    takeFindings: (findings: readonly Finding[]) => detection.takeFindings(findings),
    onLost: (error) => {
      trouble = 'the processor is lost'
      log.fatal({ err: error }, 'the processor is lost; stopping, since nothing would be processed')
      stop.request('the processor is lost', 'failed')
    },
  })
  const cases = createCases({ database, clock, log, metrics })
  const iam = await createIam({
    ...{ database, sealer, clock, log, metrics },
    onBreakGlass: (use) => cases.takeFindings([breakGlassFinding(use, DEFAULT_NAME)]),
  })
  const audit = createAuditSink({
    ...{ log: pipeline.log, clock, messages: log, metrics },
    firstAccount: () => iam.accounts()[0],
  })
  const intel = createIntel({
    ...{ database, clock, log, metrics, jobs, sealer },
    egressAllow: config.playbooks.egressAllow,
    takeMatchCounts: () => detection.takeMatchCounts(),
    publish: (change) => detection.changeIndicators(change),
    onStronger: (place, stronger) => detection.huntFor(place, stronger),
    listVerdicts: (after, limit) => cases.listJudged('indicator.', after, limit),
  })
  const detection: Detection = createDetection({
    ...{ database, sealer, clock, log, metrics, jobs, intel },
    processor: pipeline.channel,
    store: pipeline.store,
    replayer: {
      entry: new URL('./replayer.ts', import.meta.url),
      data: { addressDatabases: config.enrichment.databases },
    },
    alerts: cases.explainedAlerts,
    outcomes: cases.ruleOutcomes,
    makeAlerts: cases.takeFindings,
  })
  cases.onAlert(({ account, alert, change }) => {
    detection.alertChanged(account, alert.rule_id)
    if (alert.verdict !== '' || change === 'status_changed') intel.alertJudged(alert.rule_id)
  })
  let endpoint = ''
  const playbooks = createPlaybooks({
    ...{ database, sealer, clock, log, metrics, audit },
    authorizer: iam.authorizer,
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
  stop.on('work', 'detection and its processor', async () => {
    await detection.stop()
    await pipeline.stop()
  })
  stop.on('storage', 'audit, log and database', async () => {
    await audit.stop()
    await iam.close()
    await pipeline.close()
    await database.close()
  })

  const { pipes } = pipeline
  const { authenticator, authorizer } = iam
  const forRoutes = {
    ...{ authorizer, compileFilter },
    requireWorkspace: pipes.requireWorkspace,
    publicUrl: () => endpoint,
  }
  const api = await createServer({
    ...{ log, version: VERSION, clock, authenticator, authorizer, audit },
    trustedProxies: config.http.trustedProxies,
    routes: [
      probeRoutes({ metrics, trouble: async () => trouble }),
      iamRoutes(iam, forRoutes),
      jobRoutes(jobs, forRoutes),
      ...pipeline.routes(forRoutes),
      recordRoutes({ log: pipeline.log, clock, metrics, requirePipe: pipes.requirePipe }),
      ...intel.routes({ ...forRoutes, workspaces: pipes.listWorkspaceNames }),
      ...detection.routes(forRoutes),
      alertRoutes(cases, forRoutes),
      entityRoutes(cases.entities, forRoutes),
      playbooks.routes(forRoutes),
    ],
  })
  stop.on('intake', 'API', () => api.close())
  const { host, publicUrl } = config.http
  const http = await listenOn(api, config.http)
  endpoint = publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${http}`

  const first = await iam.bootstrap((made) => dataDir.publishBootstrapCredentials({ ...made, endpoint }))
  const prepare = async (account: AccountId): Promise<void> => {
    await pipes.ensureAccount(account)
    await intel.load(account)
    await detection.load(account)
  }
  for (const account of iam.accounts()) await prepare(account)
  iam.onAccount(prepare)
  const does = (role: Config['roles'][number]) => config.roles.includes(role)
  if (does('processor')) await pipeline.begin()

  jobs.define(
    'upkeep',
    () => undefined,
    async () => {
      await cases.prune()
      await intel.prune()
      await detection.prune()
      return pipeline.dropExpired(iam.accounts())
    },
    { everyMs: UPKEEP_EVERY_MS },
  )
  await jobs.start()
  detection.start()
  if (does('playbooks')) await playbooks.start()

  const account = iam.accounts()[0]
  const syslog =
    account && does('collector')
      ? await startSyslog({
          ...{ log: pipeline.log, clock, metrics, ...config.syslog },
          host: '127.0.0.1',
          target: { account, workspace: DEFAULT_NAME, dataspace: DEFAULT_NAME, pipe: LOGS_PIPE, shard: 0 },
        })
      : undefined
  stop.on('intake', 'syslog', async () => {
    const left = await syslog?.stop()
    if (left && left.abandoned > 0) log.warn(left, 'syslog messages could not be made durable in time')
  })
  const ports = {
    http,
    ...(syslog?.tcpPort === undefined ? {} : { syslogTcp: syslog.tcpPort }),
    ...(syslog?.udpPort === undefined ? {} : { syslogUdp: syslog.udpPort }),
  }
  trouble = undefined
  dataDir.publishRuntime({ pid: process.pid, endpoint, ...ports })
  return { api, endpoint, ports, firstStart: first !== undefined }
}
