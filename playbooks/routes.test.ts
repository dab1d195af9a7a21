import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compileFilter } from '../pipeline/ppl/index.ts'
import { type Api, createServer, type Principal, systemClock } from '../platform/index.ts'
import { playbookError } from './errors.ts'
import { ACCOUNT, openWorkbench, person, type Workbench } from './testing/workbench.ts'

const base = '/v1/workspaces/default'
const text = (id: string, more = '', steps = '  - id: say\n    action: notify.log\n    with: {message: hi}\n') =>
  `playbook: 1\nid: ${id}\nname: Test\nrun_as: role/playbook-runner\npermissions: [notify.log]\n${more}steps:\n${steps}`

describe('the API of playbooks', () => {
  let bench: Workbench
  let server: Api
  let caller: Principal

  beforeEach(async () => {
    bench = await openWorkbench()
    caller = person('ann')
    server = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock: systemClock,
      authenticator: { authenticate: async () => caller },
      authorizer: bench.rights,
      audit: { record: async () => {} },
      routes: [
        bench.playbooks.routes({
          compileFilter,
          requireWorkspace: async (_, workspace) => {
            if (workspace !== 'default') throw playbookError('playbooks.run.notFound', 'no such workspace')
          },
        }),
      ],
    })
  })
  afterEach(async () => {
    await server.close()
    await bench.close()
  })

  const put = (id: string, payload: string, headers = {}) =>
    server.inject({
      method: 'PUT',
      url: `${base}/playbooks/${id}`,
      payload,
      headers: { 'content-type': 'application/yaml', ...headers },
    })
  const get = (url: string) => server.inject({ url: `${base}${url}` })
  const post = (url: string, payload?: object, headers = {}) =>
    server.inject({ method: 'POST', url: `${base}${url}`, headers, ...(payload ? { payload } : {}) })

  it('saves a playbook, gives it back, lists and deletes it', async () => {
    const saved = await put('one', text('one', 'triggers: [{id: by-hand, manual: {}}]\n'))
    expect(saved.statusCode).toBe(200)
    const { revision } = saved.json()
    expect(saved.json()).toEqual({
      id: 'one',
      revision: expect.stringMatching(/^[0-9a-f]{64}$/),
      triggers: [{ id: 'by-hand' }],
      warnings: [],
    })
    const got = await get('/playbooks/one')
    expect(got.headers.etag).toBe(`"${revision}"`)
    expect(got.json()).toMatchObject({
      id: 'one',
      revision,
      source: text('one', 'triggers: [{id: by-hand, manual: {}}]\n'),
    })
    await put('two', text('two'))
    expect((await get('/playbooks')).json().items.map((item: { id: string }) => item.id)).toEqual(['one', 'two'])
    expect((await get(`/playbooks?filter=${encodeURIComponent("id = 'two'")}`)).json().items).toHaveLength(1)
    const page = (await get('/playbooks?limit=1')).json()
    expect((await get(`/playbooks?limit=1&cursor=${page.nextCursor}`)).json().items[0].id).toBe('two')
    expect((await server.inject({ method: 'DELETE', url: `${base}/playbooks/one` })).statusCode).toBe(204)
    expect((await get('/playbooks/one')).statusCode).toBe(404)
  })

  it('gives the same revision for the same playbook, however it is laid out', async () => {
    const first = (await put('same', text('same'))).json().revision
    expect((await put('same', `# a comment\n${text('same')}\n`)).json().revision).toBe(first)
    expect((await put('same', text('same').replace('hi', 'ho'))).json().revision).not.toBe(first)
  })

  it('refuses what is wrong, all of it at once, each with its place', async () => {
    const answer = await put('bad', `${text('bad').replace('message: hi', 'mesage: hi')}colour: red\n`)
    expect(answer.statusCode).toBe(422)
    const problem = answer.json()
    expect(problem.code).toBe('playbooks.playbook.invalid')
    expect(problem.errors).toEqual([
      { path: '/steps/0/with', line: 9, column: 11, code: 'P013', message: expect.stringContaining('needs `message`') },
      {
        path: '/steps/0/with/mesage',
        line: 9,
        column: 12,
        code: 'P013',
        message: expect.stringContaining('did you mean `message`'),
      },
      { path: '/colour', line: 10, column: 1, code: 'P002', message: expect.stringContaining('no key `colour`') },
    ])
    expect((await get('/playbooks/bad')).statusCode).toBe(404)
  })

  it('refuses another id in the path, bytes that are no UTF-8, and JSON', async () => {
    expect((await put('other', text('one'))).json()).toMatchObject({ status: 422, errors: [{ path: '/id' }] })
    const latin1 = await server.inject({
      method: 'PUT',
      url: `${base}/playbooks/x`,
      payload: Buffer.from([0xff, 0xfe, 0x00]),
      headers: { 'content-type': 'application/yaml' },
    })
    expect(latin1.statusCode).toBe(422)
    const json = await server.inject({ method: 'PUT', url: `${base}/playbooks/x`, payload: { playbook: 1 } })
    expect(json.json().detail).toContain('application/yaml')
  })

  it('saves nothing that would run as a role its author may not pass, or that does not exist', async () => {
    expect((await put('nobody', text('nobody').replace('playbook-runner', 'ghost'))).json()).toMatchObject({
      status: 422,
      errors: [{ path: '/run_as', code: 'P018' }],
    })
    bench.rights.denied = (request) => request.action === 'iam:role:pass'
    const answer = await put('nobody', text('nobody').replace('playbook-runner', 'ghost'))
    expect(answer.json()).toMatchObject({ status: 403, code: 'playbooks.role.notPassable', decisionId: 'decision-1' })
    expect(bench.rights.asked.find((request) => request.action === 'iam:role:pass')).toMatchObject({
      principal: caller,
      resource: `arn:rampart:iam::${ACCOUNT}:role/ghost`,
    })
  })

  it('saves over the revision that If-Match names, and no other', async () => {
    const { revision } = (await put('one', text('one'))).json()
    const changed = text('one').replace('hi', 'ho')
    expect((await put('one', changed, { 'if-match': '"0000"' })).json().code).toBe('playbooks.playbook.changed')
    expect((await put('one', changed, { 'if-match': `"${revision}"` })).statusCode).toBe(200)
  })

  describe('webhooks', () => {
    const hook = (path: string, more = '') =>
      `inputs: {n: {type: int, required: true}}\ntriggers:\n  - id: hook\n    webhook: {path: ${path}, auth: token${more}}\n    inputs: {n: '\${{ body.n }}'}\n`
    const call = (path: string, token: string, payload: unknown = { n: 1 }, headers = {}) =>
      server.inject({
        method: 'POST',
        url: `/v1/hooks/${path}`,
        payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
      })

    it('start runs with the token that is told once and stays the same', async () => {
      const [trigger] = (await put('hooked', text('hooked', hook('in')))).json().triggers
      expect(trigger).toEqual({
        id: 'hook',
        url: `http://rampart.example/v1/hooks/${ACCOUNT}/default/in`,
        token: expect.stringMatching(/^rwh_[A-Za-z0-9_-]{43}$/),
      })
      const again = (await put('hooked', text('hooked', hook('in')).replace('hi', 'ho'))).json()
      expect(again.triggers).toEqual([{ id: 'hook', url: trigger.url }])
      const answer = await call(`${ACCOUNT}/default/in`, trigger.token, { n: 7 })
      expect(answer.statusCode).toBe(202)
      const run = (await get(`/runs/${answer.json().runId}`)).json()
      expect(run).toMatchObject({ playbookId: 'hooked', trigger: 'hook', status: 'queued', inputs: { n: 7 } })
      const stored = await bench.storedTokens()
      expect(JSON.stringify(stored)).not.toContain(trigger.token)
    })

    it('tell one who has no token nothing, not even whether there is a hook', async () => {
      const [trigger] = (await put('hooked', text('hooked', hook('in')))).json().triggers
      const answers = await Promise.all([
        call(`${ACCOUNT}/default/in`, 'rwh_wrong'),
        call(`${ACCOUNT}/default/none`, trigger.token),
        call(`${ACCOUNT}/elsewhere/in`, trigger.token),
        call('000000000002/default/in', trigger.token),
        call('x/default/in', trigger.token),
        call(`${ACCOUNT}/default/in`, ''),
        server.inject({ method: 'POST', url: `/v1/hooks/${ACCOUNT}/default/in`, payload: { n: 1 } }),
      ])
      const told = answers.map((answer) => [answer.statusCode, answer.json().code, answer.json().detail])
      expect(new Set(told.map(String)).size).toBe(1)
      expect(told[0]?.[0]).toBe(401)
    })

    it('take a new token in place of the old', async () => {
      const [trigger] = (await put('hooked', text('hooked', hook('in')))).json().triggers
      const rotated = await post('/playbooks/hooked/triggers/hook:rotate')
      expect(rotated.statusCode).toBe(200)
      expect((await call(`${ACCOUNT}/default/in`, trigger.token)).statusCode).toBe(401)
      expect((await call(`${ACCOUNT}/default/in`, rotated.json().token)).statusCode).toBe(202)
      expect((await post('/playbooks/hooked/triggers/none:rotate')).statusCode).toBe(404)
    })

    it('start one run for one message', async () => {
      const dedup = (await put('dedup', text('dedup', hook('dedup', ', dedup: string(body.n)')))).json().triggers[0]
        .token
      const plain = (await put('plain', text('plain', hook('plain')))).json().triggers[0].token
      const ids = async (path: string, token: string, headers: object[], bodies: object[]) => {
        const answers = []
        for (const [index, header] of headers.entries()) answers.push(await call(path, token, bodies[index], header))
        return answers.map((answer) => answer.json().runId as string)
      }
      const same = await ids(`${ACCOUNT}/default/dedup`, dedup, [{}, {}, {}], [{ n: 1 }, { n: 1 }, { n: 2 }])
      expect(same[0]).toBe(same[1])
      expect(same[2]).not.toBe(same[0])
      const keyed = await ids(
        `${ACCOUNT}/default/plain`,
        plain,
        [{ 'idempotency-key': 'a' }, { 'idempotency-key': 'a' }, {}, {}],
        [{ n: 1 }, { n: 1 }, { n: 1 }, { n: 1 }],
      )
      expect(keyed[0]).toBe(keyed[1])
      expect(new Set(keyed).size).toBe(3)
    })

    it('refuse bodies that are too large, too deep or do not fit', async () => {
      const more = ', max_body: 1KiB'
      const token = (await put('small', text('small', hook('small', more)))).json().triggers[0].token
      const path = `${ACCOUNT}/default/small`
      expect((await call(path, token, { n: 1, pad: 'x'.repeat(1024) })).statusCode).toBe(413)
      expect((await call(path, token, `${'['.repeat(400)}${']'.repeat(400)}`)).statusCode).toBe(422)
      expect((await call(path, token, { n: 'x' })).json()).toMatchObject({
        status: 422,
        errors: [{ path: '/inputs/n' }],
      })
      expect((await call(path, token, { other: 1 })).statusCode).toBe(422)
      expect((await call(path, token, 'no json')).statusCode).toBe(400)
    })

    it('of two playbooks cannot share a path', async () => {
      await put('one', text('one', hook('shared')))
      expect((await put('two', text('two', hook('shared')))).json().code).toBe('playbooks.hook.taken')
    })
  })

  describe('runs', () => {
    it('are started, looked at, listed and filtered', async () => {
      await put('one', text('one', 'inputs: {n: {type: int, required: true}}\n'))
      expect((await post('/playbooks/one/runs', { inputs: {} })).json()).toMatchObject({
        status: 422,
        errors: [{ path: '/inputs/n', message: 'is required' }],
      })
      const started = await post('/playbooks/one/runs', { inputs: { n: 1 } }, { 'idempotency-key': 'k' })
      expect(started.statusCode).toBe(201)
      const { runId } = started.json()
      expect((await post('/playbooks/one/runs', { inputs: { n: 1 } }, { 'idempotency-key': 'k' })).json()).toEqual({
        runId,
      })
      await bench.playbooks.start()
      await bench.until(runId)
      for (const url of [`/runs/${runId}`, `/playbooks/one/runs/${runId}`]) {
        expect((await get(url)).json()).toMatchObject({
          runId,
          status: 'succeeded',
          startedBy: caller.arn,
          steps: [
            {
              id: 'say',
              status: 'succeeded',
              attempts: 1,
              input: { message: 'hi' },
              output: { message: 'hi', level: 'info' },
              startedAt: expect.any(String),
              endedAt: expect.any(String),
            },
          ],
        })
      }
      expect((await get(`/playbooks/other/runs/${runId}`)).statusCode).toBe(404)
      for (const url of ['/runs', '/playbooks/one/runs'])
        expect((await get(url)).json().items).toMatchObject([{ runId }])
      expect((await get(`/runs?filter=${encodeURIComponent("status = 'failed'")}`)).json().items).toEqual([])
      expect((await get('/runs/none')).statusCode).toBe(404)
      expect((await post(`/runs/${runId}:cancel`)).json().code).toBe('playbooks.run.wrongState')
      expect((await post(`/runs/${runId}:retry`)).statusCode).toBe(409)
      expect((await post(`/runs/${runId}:retry?from=start`)).statusCode).toBe(201)
      expect((await post(`/runs/${runId}:eat`)).statusCode).toBe(404)
    })

    it('are asked for under the rights of their own names', async () => {
      await post('/runs/r1:cancel')
      await get('/runs/r1')
      await post('/approvals/a1:approve')
      expect(bench.rights.asked.map(({ action, resource }) => `${action} ${resource}`)).toEqual([
        `soar:run:cancel arn:rampart:soar:local:${ACCOUNT}:run/default/r1`,
        `soar:run:get arn:rampart:soar:local:${ACCOUNT}:run/default/r1`,
        `soar:approval:decide arn:rampart:soar:local:${ACCOUNT}:approval/default/a1`,
      ])
    })
  })

  it('lists what waits for approval, and takes decisions', async () => {
    await put(
      'asks',
      text(
        'asks',
        '',
        "  - id: ask\n    approval: {title: 'Go?', show: [run.playbook], approvers: {any_of: [user/bo]}}\n  - id: say\n    action: notify.log\n    with: {message: hi}\n",
      ),
    )
    await bench.playbooks.start()
    const { runId } = (await post('/playbooks/asks/runs')).json()
    await bench.until(runId, (run) => run.status === 'waiting' && run.steps[0]?.approvalId !== undefined)
    const open = await get(`/approvals?filter=${encodeURIComponent("state = 'open'")}`)
    const [approval] = open.json().items
    expect(approval).toMatchObject({
      runId,
      playbookId: 'asks',
      stepId: 'ask',
      state: 'open',
      title: 'Go?',
      show: [{ expression: 'run.playbook', value: 'asks' }],
      approvers: { anyOf: ['user/bo'], count: 1, notInitiator: true, mfa: false },
      initiator: caller.arn,
      decisions: [],
    })
    expect((await post(`/approvals/${approval.id}:approve`)).statusCode).toBe(403)
    caller = person('bo')
    const decided = await post(`/approvals/${approval.id}:approve`, { comment: 'fine' })
    expect(decided.json()).toMatchObject({ state: 'approved', decisions: [{ by: caller.arn, comment: 'fine' }] })
    expect((await bench.until(runId)).status).toBe('succeeded')
    expect((await get(`/approvals/${approval.id}`)).json().state).toBe('approved')
    expect((await get('/approvals/none')).statusCode).toBe(404)
  })
})
