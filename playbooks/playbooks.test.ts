import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testDatabases } from '../test/support/databases.ts'
import { sendJson } from './testing/far-side.ts'
import { ACCOUNT, contextFor, openWorkbench, person, roles, type Workbench, WS } from './testing/workbench.ts'

const head = (id: string, permissions = 'http.request') => `playbook: 1
id: ${id}
name: Test
run_as: role/playbook-runner
permissions: [${permissions}]
`
const post = (id: string, far: string, more = '') => `  - id: ${id}
    action: http.request
    with: {method: POST, url: 'http://${far}/${id}', body: {n: 1}}
${more}`

describe.each(testDatabases())('runs on $name', (kind) => {
  let bench: Workbench
  beforeEach(async () => {
    bench = await openWorkbench(kind)
    await bench.playbooks.start()
  })
  afterEach(() => bench.close())

  it('do the steps in order and give outputs', async () => {
    bench.far.answer = (request, response) => sendJson(response, 201, { echo: JSON.parse(request.body) })
    await bench.put(`${head('ordered')}inputs:
  ip: {type: ip, required: true}
steps:
  - id: block
    action: http.request
    with: {method: POST, url: 'http://${bench.far.address}/block', body: {ip: '\${{ inputs.ip }}', run: '\${{ run.id }}'}}
  - id: result
    set: {status: '\${{ steps.block.output.status }}', ip: '\${{ steps.block.output.body.echo.ip }}'}
  - id: pause
    wait: {for: 20ms}
  - id: again
    if: steps.result.output.status == 500
    action: http.request
    with: {method: GET, url: 'http://${bench.far.address}/never'}
outputs:
  ip: {type: ip, value: steps.result.output.ip}
`)
    const runId = await bench.start('ordered', { ip: '192.0.2.1' })
    const run = await bench.until(runId)
    expect(run).toMatchObject({ status: 'succeeded', outputs: { ip: '192.0.2.1' } })
    expect(run.steps.map((step) => [step.id, step.status, step.attempts])).toEqual([
      ['block', 'succeeded', 1],
      ['result', 'succeeded', 0],
      ['pause', 'succeeded', 0],
      ['again', 'skipped', 0],
    ])
    expect(bench.far.received).toMatchObject([{ method: 'POST', path: '/block', key: `${runId}/block/0` }])
    expect(bench.audited).toMatchObject([
      {
        principal: 'arn:rampart:iam::000000000001:role/playbook-runner',
        action: 'soar:action:invoke',
        resources: ['arn:rampart:soar:local:000000000001:connection/default/http.request'],
        outcome: 'success',
      },
    ])
  })

  it('retry under the same key and give up after the attempts there are', async () => {
    bench.far.answer = (request, response) => sendJson(response, request.path === '/down' ? 503 : 200, {})
    await bench.put(`${head('retried')}steps:
${post('down', bench.far.address, '    retry: {max: 3, initial: 5ms, backoff: fixed}\n    on_error: continue\n')}
  - id: told
    set: {code: '\${{ steps.down.error.code }}', attempts: '\${{ steps.down.attempts }}', status: '\${{ steps.down.status }}'}
`)
    const run = await bench.until(await bench.start('retried'))
    expect(run.status).toBe('succeeded')
    expect(run.steps[0]).toMatchObject({ status: 'failed', attempts: 3, error: { code: 'unavailable' } })
    expect(run.steps[1]?.output).toEqual({ code: 'unavailable', attempts: 3, status: 'failed' })
    expect(bench.far.received.map((request) => request.key)).toEqual(Array(3).fill(`${run.runId}/down/0`))
  })

  it('do not retry what a later attempt cannot change', async () => {
    bench.far.answer = (_, response) => sendJson(response, 401, {})
    await bench.put(`${head('locked')}steps:\n${post('call', bench.far.address)}`)
    const run = await bench.until(await bench.start('locked'))
    expect(run).toMatchObject({ status: 'failed', error: { code: 'auth', step: 'call' } })
    expect(bench.far.received).toHaveLength(1)
  })

  it('wait as long as Retry-After says where that is longer', async () => {
    bench.far.answer = (request, response) => {
      const first = bench.far.received.length === 1
      sendJson(response, first ? 429 : 200, { path: request.path }, { 'retry-after': '3600' })
    }
    await bench.put(
      `${head('patient')}timeout: 1d\nsteps:\n${post('call', bench.far.address, '    retry: {max: 2, initial: 1ms}\n')}`,
    )
    const runId = await bench.start('patient')
    const waiting = await bench.until(runId, (run) => run.steps[0]?.attempts === 2)
    expect(waiting.steps[0]).toMatchObject({ status: 'running', error: { code: 'rate_limited' } })
    bench.clock.offsetMs += 3_600_001
    expect(await bench.until(runId)).toMatchObject({ status: 'succeeded' })
  })

  it('run a graph side by side, and skip counts as done', async () => {
    await bench.put(`${head('graph')}steps:
${post('left', bench.far.address, '    needs: []\n')}
${post('right', bench.far.address, '    needs: []\n    if: "false"\n')}
  - id: both
    needs: [left, right]
    set: {left: '\${{ steps.left.status }}', right: '\${{ steps.right.status }}'}
`)
    const run = await bench.until(await bench.start('graph'))
    expect(run.steps[2]?.output).toEqual({ left: 'succeeded', right: 'skipped' })
  })

  it('end where stop says, and what was not reached is not run', async () => {
    await bench.put(`${head('stopped')}steps:
  - id: enough
    if: "true"
    stop: {status: failed, reason: 'seen \${{ run.playbook }}'}
${post('never', bench.far.address)}`)
    const run = await bench.until(await bench.start('stopped'))
    expect(run).toMatchObject({ status: 'failed', reason: 'seen stopped' })
    expect(run.steps[1]?.status).toBe('not_run')
    expect(bench.far.received).toEqual([])
  })

  it('fail, leave later steps alone, and go on from there when retried', async () => {
    let down = true
    bench.far.answer = (request, response) =>
      sendJson(response, down && request.path === '/second' ? 400 : 200, { at: request.path })
    await bench.put(`${head('again')}steps:
${post('first', bench.far.address)}
${post('second', bench.far.address)}
  - id: last
    set: {at: '\${{ steps.first.output.body.at }}'}
`)
    const failed = await bench.until(await bench.start('again'))
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'invalid', step: 'second' } })
    expect(failed.steps[2]?.status).toBe('not_run')
    down = false
    const retried = await bench.retry(failed.runId)
    const run = await bench.until(retried)
    expect(run.status).toBe('succeeded')
    expect(run.steps[2]?.output).toEqual({ at: '/first' })
    expect(bench.far.received.filter((request) => request.path === '/first')).toHaveLength(1)
    expect(await bench.retry(failed.runId, 'k')).toBe(await bench.retry(failed.runId, 'k'))
    await expect(bench.retry(run.runId)).rejects.toMatchObject({ code: 'playbooks.run.wrongState' })
  })

  it('can be cancelled: what is under way is aborted', async () => {
    bench.far.answer = () => {}
    await bench.put(
      `${head('endless')}steps:\n${post('hangs', bench.far.address)}\n${post('after', bench.far.address)}`,
    )
    const runId = await bench.start('endless')
    await bench.farAsked(1)
    await bench.cancel(runId)
    const run = await bench.until(runId)
    expect(run).toMatchObject({ status: 'cancelled' })
    expect(run.steps.map((step) => step.status)).toEqual(['cancelled', 'not_run'])
    await expect(bench.cancel(runId)).rejects.toMatchObject({ code: 'playbooks.run.wrongState' })
  })

  it('end at their deadline, waiting included', async () => {
    await bench.put(
      `${head('late')}timeout: 2h\nsteps:\n  - id: ask\n    approval: {title: Well?, approvers: {any_of: [user/bo]}, expires: 7d}\n`,
    )
    const runId = await bench.start('late')
    const asked = await bench.until(runId, (run) => run.status === 'waiting')
    bench.clock.offsetMs += 2 * 3_600_000 + 1000
    const run = await bench.until(runId)
    expect(run).toMatchObject({ status: 'failed', error: { code: 'timeout' } })
    expect(run.steps[0]?.status).toBe('cancelled')
    await expect(bench.decide('bo', asked.steps[0]?.approvalId ?? '', 'approve')).rejects.toMatchObject({
      code: 'playbooks.approval.wrongState',
    })
  })

  it('time an attempt out', async () => {
    bench.far.answer = () => {}
    await bench.put(
      `${head('slow')}steps:\n${post('hangs', bench.far.address, '    timeout: 50ms\n    retry: {max: 1}\n')}`,
    )
    expect(await bench.until(await bench.start('slow'))).toMatchObject({ status: 'failed', error: { code: 'timeout' } })
  })

  it('start once a key, whoever asks again', async () => {
    await bench.put(
      `${head('once', 'notify.log')}steps:\n  - id: say\n    action: notify.log\n    with: {message: hello}\n`,
    )
    const [first, second] = await Promise.all([bench.start('once', {}, 'key'), bench.start('once', {}, 'key')])
    expect(second).toBe(first)
    expect(await bench.start('once', {}, 'other')).not.toBe(first)
  })

  it('stay on the revision they began with', async () => {
    const revision = (value: string) => `${head('changed', 'notify.log')}steps:
  - id: pause
    wait: {for: 1h}
  - id: say
    action: notify.log
    with: {message: ${value}}
`
    await bench.put(revision('old'))
    const runId = await bench.start('changed')
    await bench.until(runId, (run) => run.status === 'waiting')
    await bench.put(revision('new'))
    bench.clock.offsetMs += 3_600_001
    expect((await bench.until(runId)).steps[1]?.input).toEqual({ message: 'old' })
  })

  it('and what they need are forgotten when they are old', async () => {
    const text = (message: string) =>
      `${head('old', 'notify.log')}steps:\n  - id: say\n    action: notify.log\n    with: {message: ${message}}\n`
    await bench.put(text('one'))
    const runId = await bench.start('old')
    await bench.until(runId)
    await bench.put(text('two'))
    await bench.put(text('three'))
    const stores = bench.stores()
    await stores.playbooks.forgetRevisions(bench.clock.now() + 1)
    expect(await bench.revisions('old')).toHaveLength(2)
    expect(await stores.runs.forgetRuns(bench.clock.now() - 1000)).toBe(0)
    expect(await stores.runs.forgetRuns(bench.clock.now() + 1)).toBe(1)
    await expect(bench.run(runId)).rejects.toMatchObject({ code: 'playbooks.run.notFound' })
    expect(await bench.eventCount()).toBe(0)
    await stores.playbooks.forgetRevisions(bench.clock.now() + 1)
    expect(await bench.revisions('old')).toHaveLength(1)
    expect((await bench.until(await bench.start('old'))).status).toBe('succeeded')
  })

  describe('as the role they run as', () => {
    it('are forbidden what it may not do, and do not try again', async () => {
      bench.rights.denied = (request) => request.action === 'soar:action:invoke'
      await bench.put(`${head('denied')}steps:\n${post('call', bench.far.address)}`)
      const run = await bench.until(await bench.start('denied'))
      expect(run).toMatchObject({ status: 'failed', error: { code: 'forbidden' } })
      expect(bench.far.received).toEqual([])
      const asked = bench.rights.asked.find((request) => request.action === 'soar:action:invoke')
      expect(asked).toMatchObject({
        principal: { kind: 'role', name: 'playbook-runner' },
        resource: `arn:rampart:soar:local:${ACCOUNT}:connection/default/http.request`,
      })
      expect(asked?.principal.sessionPolicies).toEqual([
        expect.objectContaining({
          Statement: [
            expect.objectContaining({
              Effect: 'Allow',
              Action: ['soar:action:invoke'],
              Resource: [`arn:rampart:soar:local:${ACCOUNT}:connection/default/http.request`],
            }),
          ],
        }),
      ])
    })

    it('fail where the role went away between two steps', async () => {
      roles.add('passing')
      await bench.put(
        `${head('orphan').replace('playbook-runner', 'passing')}steps:\n${post('one', bench.far.address)}\n  - id: pause\n    wait: {for: 1h}\n${post('two', bench.far.address)}`,
      )
      const runId = await bench.start('orphan')
      await bench.until(runId, (run) => run.status === 'waiting')
      roles.delete('passing')
      bench.clock.offsetMs += 3_600_001
      expect(await bench.until(runId)).toMatchObject({ status: 'failed', error: { code: 'forbidden', step: 'two' } })
      expect(bench.far.received).toHaveLength(1)
    })
  })

  describe('ask people', () => {
    const asking = (approval: string) => `${head('asking', 'notify.log')}steps:
  - id: ask
    approval: {title: 'Really \${{ run.playbook }}?', show: [run.account], ${approval}}
  - id: say
    action: notify.log
    with: {message: '\${{ steps.ask.output.decision }} by \${{ steps.ask.output.by[0] }}'}
`
    const askedOf = async (approval: string, start = contextFor()) => {
      await bench.put(asking(approval))
      const runId = await bench.playbooks.startRun(start, WS, 'asking', {})
      const run = await bench.until(runId, (candidate) => candidate.steps[0]?.approvalId !== undefined)
      return { runId, approvalId: run.steps[0]?.approvalId ?? '' }
    }

    it('and go on when enough distinct ones agree', async () => {
      const { runId, approvalId } = await askedOf('approvers: {any_of: [user/bo, user/cy, user/di], count: 2}')
      await expect(bench.decide('eve', approvalId, 'approve')).rejects.toMatchObject({
        code: 'playbooks.approval.notYours',
      })
      await bench.decide('bo', approvalId, 'approve')
      await expect(bench.decide('bo', approvalId, 'approve')).rejects.toMatchObject({
        code: 'playbooks.approval.wrongState',
      })
      expect((await bench.run(runId)).status).toBe('waiting')
      await bench.decide('cy', approvalId, 'approve')
      const run = await bench.until(runId)
      expect(run.steps[1]?.input).toEqual({ message: `approve by ${person('bo').arn}` })
      await expect(bench.decide('di', approvalId, 'reject')).rejects.toMatchObject({
        code: 'playbooks.approval.wrongState',
      })
    })

    it('and fail when one rejects', async () => {
      const { runId, approvalId } = await askedOf('approvers: {any_of: [user/bo, user/cy], count: 2}')
      await bench.decide('bo', approvalId, 'reject')
      expect(await bench.until(runId)).toMatchObject({ status: 'failed', error: { code: 'rejected', step: 'ask' } })
    })

    it('and go on with the rejection where the playbook says so', async () => {
      const { runId, approvalId } = await askedOf('approvers: {any_of: [user/bo]}, on_reject: continue')
      await bench.decide('bo', approvalId, 'reject')
      expect((await bench.until(runId)).steps[0]?.output).toMatchObject({ decision: 'reject' })
    })

    it('and count the sessions of one role as one', async () => {
      const { approvalId } = await askedOf('approvers: {any_of: [role/soc], count: 2}')
      const session = (name: string) =>
        contextFor({
          ...person('soc'),
          kind: 'role',
          arn: `arn:rampart:sts::${ACCOUNT}:assumed-role/soc/${name}` as never,
        })
      await bench.playbooks.decide(session('one'), WS, approvalId, 'approve')
      await expect(bench.playbooks.decide(session('two'), WS, approvalId, 'approve')).rejects.toMatchObject({
        code: 'playbooks.approval.wrongState',
      })
    })

    it('but never the one who started the run', async () => {
      const { approvalId } = await askedOf('approvers: {any_of: [user/bo]}', contextFor(person('bo')))
      await expect(bench.decide('bo', approvalId, 'approve')).rejects.toMatchObject({
        code: 'playbooks.approval.notYours',
      })
    })

    it('and only with a fresh second factor where asked for', async () => {
      const { approvalId } = await askedOf('approvers: {any_of: [user/bo], mfa: true}')
      const at = bench.clock.now()
      const stale = person('bo', { mfa: true, authenticatedAt: at - 6 * 60_000 })
      for (const who of [person('bo', { authenticatedAt: at }), stale]) {
        await expect(
          bench.playbooks.decide(contextFor(who, bench.clock), WS, approvalId, 'approve'),
        ).rejects.toMatchObject({ code: 'playbooks.approval.notYours' })
      }
      await bench.playbooks.decide(
        contextFor(person('bo', { mfa: true, authenticatedAt: at }), bench.clock),
        WS,
        approvalId,
        'approve',
      )
    })

    it('and act by themselves when nobody answers in time', async () => {
      const { runId, approvalId } = await askedOf('approvers: {any_of: [user/bo]}, expires: 1h, on_expiry: approve')
      bench.clock.offsetMs += 3_600_001
      expect((await bench.until(runId)).steps[0]?.output).toMatchObject({ decision: 'approve', by: [] })
      await expect(bench.decide('bo', approvalId, 'reject')).rejects.toMatchObject({
        code: 'playbooks.approval.wrongState',
      })
    })
  })

  describe('and the clock', () => {
    it('jumps an hour ahead: waits end, nothing is done twice', async () => {
      await bench.put(`${head('ahead')}steps:\n  - id: pause\n    wait: {for: 30m}\n${post('call', bench.far.address)}`)
      const runId = await bench.start('ahead')
      await bench.until(runId, (run) => run.status === 'waiting')
      bench.clock.offsetMs += 3_600_000
      expect((await bench.until(runId)).status).toBe('succeeded')
      expect(bench.far.received).toHaveLength(1)
    })

    it('steps an hour back: a wait takes its time again, not an hour more', async () => {
      await bench.put(
        `${head('back')}timeout: 1d\nsteps:\n  - id: pause\n    wait: {for: 30m}\n${post('call', bench.far.address)}`,
      )
      const runId = await bench.start('back')
      await bench.until(runId, (run) => run.status === 'waiting')
      bench.clock.offsetMs -= 3_600_000
      await bench.historyHas(runId, 'timer.set', 2)
      bench.clock.offsetMs += 30 * 60_000 + 1000
      expect((await bench.until(runId)).status).toBe('succeeded')
    })

    it('steps an hour back: a retry comes at once rather than an hour late', async () => {
      bench.far.answer = (_, response) => sendJson(response, bench.far.received.length === 1 ? 503 : 200, {})
      await bench.put(
        `${head('retry-back')}timeout: 1d\nsteps:\n${post('call', bench.far.address, '    retry: {max: 2, initial: 10m}\n')}`,
      )
      const runId = await bench.start('retry-back')
      await bench.until(runId, (run) => run.steps[0]?.attempts === 2)
      bench.clock.offsetMs -= 3_600_000
      expect((await bench.until(runId)).status).toBe('succeeded')
    })
  })
})
