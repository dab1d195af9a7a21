import { PassThrough } from 'node:stream'
import { createCases } from '../../cases/index.ts'
import {
  createLog,
  createMetrics,
  type Database,
  iamArn,
  openDatabase,
  openSealer,
  type Principal,
  parseAccountId,
  systemClock,
} from '../../platform/index.ts'
import { createPlaybooks } from '../../playbooks/index.ts'

/** A process that runs playbooks and is killed by the test: by a signal from outside, or by itself right before or
 * right after the nth transaction that follows an order of its parent. */

interface Options {
  readonly dir: string
  readonly url?: string
  readonly leaseMs?: number
  /** Agrees to whatever runs ask, at once. */
  readonly agrees?: boolean
}
/** Raises an alert, and dies at the transaction given, counted from here. */
export interface Order {
  readonly alert: string
  readonly kill?: 'before' | 'after'
  readonly transaction?: number
}
export type Report =
  | { readonly kind: 'awake' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'ended'; readonly runId: string; readonly status: string }

const options = JSON.parse(process.argv[2] ?? '{}') as Options
const send = (report: Report) => process.send?.(report)
let order: Order | undefined
let transactions = 0

const database = killed(
  openDatabase(options.url === undefined ? { file: `${options.dir}/rampart.db` } : { url: options.url }),
)
const account = parseAccountId('000000000001')
const decider: Principal = { kind: 'user', account, arn: iamArn(account, 'user', 'bo'), name: 'bo', auth: 'token' }
const log = createLog({ clock: systemClock, stream: new PassThrough().resume(), level: 'silent' })
const cases = createCases({ database, clock: systemClock, metrics: createMetrics(), log })
const playbooks = createPlaybooks({
  database,
  sealer: openSealer({ dataDir: options.dir }),
  clock: systemClock,
  log,
  metrics: createMetrics(),
  authorizer: { authorize: async () => ({ allowed: true, id: '', reason: 'allow', determining: [] }) },
  audit: { record: async () => {} },
  runAs: async (of, name) => ({ kind: 'role', account: of, arn: iamArn(of, 'role', name), name, auth: 'internal' }),
  alertChanges: cases.alertChanges,
  updateAlert: (ctx, workspace, id, patch) => cases.updateAlert(ctx, workspace, id, patch),
  egressAllow: ['127.0.0.1'],
  publicUrl: () => '',
  alone: options.url === undefined && options.leaseMs === undefined,
  ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
})

playbooks.onStep((change) => {
  if (change.stepId === undefined) {
    if (change.status !== 'running') send({ kind: 'ended', runId: change.runId, status: change.status })
  } else if (change.status === 'waiting' && options.agrees) void approve(change.runId)
})
process.on('message', (message: Order | { readonly approve: string } | 'awake?') => {
  if (message === 'awake?') {
    // Behind whatever this process wanted to write.
    void database.write(async () => {}).then(() => send({ kind: 'awake' }))
    return
  }
  if ('approve' in message) {
    void approve(message.approve)
    return
  }
  order = message
  transactions = 0
  void raiseAlert(message.alert)
})
await playbooks.start()
send({ kind: 'ready' })

function raiseAlert(name: string): Promise<void> {
  return cases.takeFindings([
    {
      id: name,
      account,
      workspace: 'default',
      kind: 'rule',
      time: systemClock.now(),
      recordIds: [`logs/0/${name}`],
      entities: { hosts: [name] },
      rule: { id: name, title: 'Crash', severity: 'high', techniques: [] },
    },
  ])
}

/** Agrees to whatever the run asks; what was decided before the last kill stays decided. */
async function approve(runId: string): Promise<void> {
  const run = await playbooks.getRun(account, 'default', runId)
  const step = run.steps.find((candidate) => candidate.status === 'waiting')
  if (step?.approvalId === undefined) return
  const ctx = { principal: decider, requestId: 'approve', now: systemClock.now() }
  await playbooks.decide(ctx, 'default', step.approvalId, 'approve').catch(() => {})
}

function killed(opened: Database): Database {
  const write: Database['write'] = async (work) => {
    transactions += 1
    const at = transactions
    if (order?.kill === 'before' && at === order.transaction) process.kill(process.pid, 'SIGKILL')
    const value = await opened.write(work)
    if (order?.kill === 'after' && at === order.transaction) process.kill(process.pid, 'SIGKILL')
    return value
  }
  const wrapped: Database = {
    dialect: opened.dialect,
    read: opened.read,
    write,
    as: <Other>() => wrapped as unknown as Database<Other>,
    close: () => opened.close(),
  }
  return wrapped
}
