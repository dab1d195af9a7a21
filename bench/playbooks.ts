import { Evaluator } from '../playbooks/expressions/evaluator.ts'
import { lintPlaybook } from '../playbooks/index.ts'
import { ACCOUNT, openWorkbench, type Workbench, WS } from '../playbooks/testing/workbench.ts'
import { type TestDatabase, testDatabases } from '../test/support/databases.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const head = (id: string, permissions: string) => `playbook: 1
id: ${id}
name: Bench
run_as: role/playbook-runner
permissions: [${permissions}]
`
const STEPS = 4
const logging = `${head('logging', 'notify.log')}inputs: {n: {type: int, default: 1}}
steps:
${Array.from({ length: STEPS }, (_, index) => `  - id: s${index}\n    action: notify.log\n    with: {message: 'n = \${{ inputs.n }}'}\n`).join('')}`
const waiting = `${head('waiting', 'notify.log')}steps:
  - id: pause
    wait: {for: 12h}
  - id: say
    action: notify.log
    with: {message: hi}
`
const calling = (far: string) => `${head('calling', 'http.request')}steps:
  - id: first
    action: http.request
    with: {method: POST, url: 'http://${far}/first', body: {}}
  - id: second
    action: http.request
    with: {method: POST, url: 'http://${far}/second', body: {}}
`
const onAlert = `${head('on-alert', 'notify.log')}triggers: [{id: made, alert: {on: [created], where: alert.severity_id > 2}}]
steps:
  - id: say
    action: notify.log
    with: {message: hi}
`

/** The durable engine: how fast, how soon, how much memory, and how soon after a death. */
export async function run(report: Report, options: { readonly quick: boolean }): Promise<void> {
  const scale = options.quick ? 0.1 : 1
  lintCase(report)
  await expressionCase(report, Math.ceil(20_000 * scale))
  for (const kind of testDatabases()) {
    await throughputCase(report, kind, Math.ceil(1000 * scale))
    await delayCase(report, kind, Math.ceil(200 * scale))
    await resumeCase(report, kind, Math.ceil(1000 * scale))
  }
  await waitingCase(report, Math.ceil(10_000 * scale))
}

function lintCase(report: Report): void {
  const times = 200
  const started = performance.now()
  for (let round = 0; round < times; round += 1) lintPlaybook(logging)
  report({ case: 'lint of a playbook of 4 steps', value: (performance.now() - started) / times, unit: 'ms' })
}

async function expressionCase(report: Report, count: number): Promise<void> {
  const evaluator = new Evaluator()
  const ask = () =>
    evaluator.evaluate({
      account: ACCOUNT,
      scopeKey: 'bench',
      scope: { body: 'dyn' },
      bindings: { body: { status: 200, hosts: ['a', 'b'] } },
      now: 0,
      expressions: ['body.status == 200.0 && "a" in body.hosts'],
    })
  await ask()
  const started = performance.now()
  for (let round = 0; round < count; round += 1) await ask()
  report({
    case: 'expressions in the worker, one by one',
    value: count / ((performance.now() - started) / 1000),
    unit: '/s',
  })
  await evaluator.close()
}

async function withBench(kind: TestDatabase, work: (bench: Workbench) => Promise<void>): Promise<void> {
  const bench = await openWorkbench(kind)
  try {
    await work(bench)
  } finally {
    await bench.close()
  }
}

/** Many runs at once, from start to end. A step is two durable transitions and a half: scheduled, begun with its ledger
 * row, ended. */
async function throughputCase(report: Report, kind: TestDatabase, count: number): Promise<void> {
  await withBench(kind, async (bench) => {
    await bench.put(logging)
    await Promise.all(Array.from({ length: count }, () => bench.start('logging')))
    const ended = bench.endedRuns(count)
    const started = performance.now()
    await bench.playbooks.start()
    await ended
    const seconds = (performance.now() - started) / 1000
    const events = await bench.eventCount()
    report({ case: `steps of ${count} runs at once, ${kind.name}`, value: (count * STEPS) / seconds, unit: '/s' })
    report({ case: `durable history events, ${kind.name}`, value: events / seconds, unit: '/s' })
  })
}

/** From the moment an alert is stored to the end of its first step, one alert after another. */
async function delayCase(report: Report, kind: TestDatabase, count: number): Promise<void> {
  await withBench(kind, async (bench) => {
    await bench.put(onAlert)
    await bench.playbooks.start()
    const delays: number[] = []
    for (let index = 0; index < count; index += 1) {
      const done = bench.endedRuns(1)
      const started = performance.now()
      await bench.raiseAlert(`alert-${index}`)
      await done
      delays.push(performance.now() - started)
    }
    delays.sort((a, b) => a - b)
    for (const percent of [50, 95]) {
      const value = delays[Math.floor((delays.length * percent) / 100)] ?? 0
      report({ case: `alert stored to run ended, p${percent}, ${kind.name}`, value, unit: 'ms' })
    }
  })
}

/** Runs that a dead process left with an attempt under way, taken up by the next one. */
async function resumeCase(report: Report, kind: TestDatabase, count: number): Promise<void> {
  await withBench(kind, async (bench) => {
    await bench.put(calling(bench.far.address))
    await Promise.all(Array.from({ length: count }, () => bench.start('calling')))
    await bench.leaveInTheMiddle(count)
    const ended = bench.endedRuns(count)
    const started = performance.now()
    await bench.playbooks.start()
    await ended
    const seconds = (performance.now() - started) / 1000
    report({ case: `${count} interrupted runs of 2 POSTs ended, ${kind.name}`, value: seconds, unit: 's' })
    const keys = bench.far.keys().size
    if (keys !== count * 2) throw new Error(`${keys} keys for ${count * 2} effects`)
  })
}

async function waitingCase(report: Report, count: number): Promise<void> {
  const [kind] = testDatabases()
  if (!kind) return
  await withBench(kind, async (bench) => {
    await bench.put(waiting)
    await bench.playbooks.start()
    const before = process.memoryUsage().rss
    await Promise.all(Array.from({ length: count }, () => bench.start('waiting')))
    await bench.waitingRuns(count)
    report({
      case: `resident memory of ${count} waiting runs`,
      value: (process.memoryUsage().rss - before) / 2 ** 20,
      unit: 'MiB',
    })
    const row = (await bench.playbooks.listRuns(ACCOUNT, WS)).items[0]
    if (row?.status !== 'waiting') throw new Error(`a run is ${row?.status}`)
  })
}
