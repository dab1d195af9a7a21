import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IncomingFinding } from '../cases/index.ts'
import { testDatabases } from '../test/support/databases.ts'
import { ACCOUNT, contextFor, openWorkbench, type Workbench, WS } from './testing/workbench.ts'

const playbook = (id: string, trigger: string, inputs = 'alert: {type: uuid, required: true}') => `playbook: 1
id: ${id}
name: Test
run_as: role/playbook-runner
permissions: [cases.alert.update, notify.log]
inputs: {${inputs}}
triggers:
  - id: made
${trigger}
steps:
  - id: say
    action: notify.log
    with: {message: hi}
  - id: take
    if: "false"
    action: cases.alert.update
    with: {alert: x, state: in_progress}
`
const given = "    inputs: {alert: '${{ alert.id }}'}"

describe.each(testDatabases())('alert triggers on $name', (kind) => {
  let bench: Workbench
  let findings = 0
  beforeEach(async () => {
    bench = await openWorkbench(kind)
  })
  afterEach(() => bench.close())

  const raise = (parts: Partial<IncomingFinding['rule']> = {}, users: readonly string[] = ['root'], workspace = WS) => {
    findings += 1
    return bench.cases.takeFindings([
      {
        id: `finding-${findings}`,
        account: ACCOUNT,
        workspace,
        kind: 'rule',
        time: bench.clock.now(),
        recordIds: ['logs/0/1'],
        entities: { hosts: ['web-1'], users },
        rule: { id: `rule-${findings}`, title: 'T', severity: 'high', techniques: ['T1110'], ...parts },
      },
    ])
  }
  const runs = () => bench.runs()
  /** Resolves when every alert change that there is has been looked at. */
  const settled = () => bench.alertsDone()

  it('start a run with what they give it', async () => {
    await bench.put(playbook('on-alert', `    alert: {on: [created], where: 'alert.severity_id >= 4'}\n${given}`))
    await bench.playbooks.start()
    await raise()
    await settled()
    const [run] = await runs()
    expect(run).toMatchObject({ playbookId: 'on-alert', trigger: 'made', startedBy: 'trigger/made' })
    const [alert] = (await bench.cases.listAlerts(contextFor(), WS, {})).items
    expect((await bench.until(run?.runId ?? '')).inputs).toEqual({ alert: alert?.id })
  })

  it.each([
    ['alert.severity_id >= 5', 0],
    ['alert.techniques.exists(t, t.startsWith("T11"))', 1],
    ['alert.entities.users.size() == 1 && alert.entities.ips.size() == 0', 1],
    ['alert.entities.nothing[0] == "x"', 0],
    ['alert.first_seen <= now()', 1],
    ['alert.entities.users[7] == "x"', 0],
  ])('start where %s: %i', async (where, count) => {
    await bench.put(playbook('where', `    alert: {on: [created], where: '${where}'}\n${given}`))
    await bench.playbooks.start()
    await raise()
    await settled()
    expect(await runs()).toHaveLength(count)
  })

  it('start nothing twice, however often a change is taken', async () => {
    await bench.put(playbook('once', `    alert: {on: [created]}\n${given}`))
    await raise()
    const changes = await bench.cases.alertChanges.take(10)
    const twice = { ...bench.cases.alertChanges, take: async () => (taken++ < 3 ? changes : []) }
    let taken = 0
    const first = bench.another({ alertChanges: twice })
    const second = bench.another({ alertChanges: twice })
    await Promise.all([first.start(), second.start()])
    await settled()
    expect(await runs()).toHaveLength(1)
  })

  it('hear of changes only from what they are on, in their own workspace and account', async () => {
    await bench.put(
      playbook('raised', `    alert: {on: [status_changed]}\n    throttle: {key: alert.id, per: 1s}\n${given}`),
    )
    await bench.playbooks.start()
    await raise()
    await raise({}, ['root'], 'elsewhere')
    await settled()
    expect(await runs()).toEqual([])
    const [alert] = (await bench.cases.listAlerts(contextFor(), WS, {})).items
    await bench.cases.updateAlert(contextFor(), WS, alert?.id ?? '', { state: 'in_progress' })
    await settled()
    expect(await runs()).toHaveLength(1)
  })

  it('are held back by their throttle, each key for itself, until its time is over', async () => {
    const throttle = '    throttle: {key: "alert.entities.users[0]", per: 1h}'
    await bench.put(playbook('held', `    alert: {on: [created]}\n${throttle}\n${given}`))
    await bench.playbooks.start()
    await raise({}, ['ann'])
    await raise({}, ['ann'])
    await raise({}, ['bo'])
    await settled()
    expect(await runs()).toHaveLength(2)
    bench.clock.offsetMs += 3_600_001
    await raise({}, ['ann'])
    await settled()
    expect(await runs()).toHaveLength(3)
  })

  it('leave a failed run to look at where what they give does not fit', async () => {
    const wrong = "    inputs: {alert: '${{ alert.title }}'}"
    await bench.put(playbook('misfit', `    alert: {on: [created]}\n${wrong}`))
    await bench.playbooks.start()
    await raise()
    await settled()
    const [run] = await runs()
    expect(await bench.run(run?.runId ?? '')).toMatchObject({
      status: 'failed',
      error: { code: 'invalid', message: 'input `alert` must be a UUID' },
    })
  })

  it('are gone with their playbook', async () => {
    await bench.put(playbook('gone', `    alert: {on: [created]}\n${given}`))
    await bench.playbooks.remove(contextFor(), WS, 'gone')
    await bench.playbooks.start()
    await raise()
    await settled()
    expect(await runs()).toEqual([])
  })
})
