import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Api, createServer, iamArn, migrate, type Principal } from '../platform/index.ts'
import { testDatabases } from '../test/support/databases.ts'
import { detectionError } from './errors.ts'
import { ruleMigrations } from './migrations.ts'
import { ruleRoutes } from './routes.ts'
import { createRules, type Rules } from './rules.ts'
import { writeTar } from './tar.ts'
import { account, anEvent, aRuleDetector, ruleText, START, shard } from './testing/builders.ts'
import { exclusionRoutes } from './tuning/routes.ts'

const ann: Principal = { kind: 'user', account, arn: iamArn(account, 'user', 'ann'), name: 'ann', auth: 'token' }
const clock = { now: () => START }
const silent = {
  info() {},
  warn() {},
  error() {},
  debug() {},
  trace() {},
  fatal() {},
  child: () => silent,
  level: 'silent',
}

const failed = ruleText('failed', '{selection: {outcome: failed}, condition: selection}')
const guessing = `title: Guessing
id: guessing
level: medium
correlation: {type: event_count, rules: [failed], group-by: [host], timespan: 1m, condition: {gte: 2}}
`

for (const { name, open } of testDatabases()) {
  describe(`rules over HTTP (${name})`, () => {
    let server: Api
    let rules: Rules
    let detector: ReturnType<typeof aRuleDetector>
    let reload: () => Promise<ReturnType<typeof aRuleDetector>>
    let drop: () => Promise<void>

    beforeEach(async () => {
      const opened = await open()
      drop = opened.drop
      await migrate(opened.database, ruleMigrations, clock)
      detector = aRuleDetector()
      rules = createRules({
        database: opened.database,
        clock,
        apply: async (change) => {
          expect(detector.rules.changeRules(structuredClone(change))).toEqual([])
        },
      })
      reload = async () => {
        const fresh = aRuleDetector()
        await createRules({
          database: opened.database,
          clock,
          apply: async (change) => void fresh.rules.changeRules(change),
        }).load(account)
        return fresh
      }
      server = await createServer({
        log: silent as never,
        version: '0.0.0',
        clock,
        authenticator: { authenticate: async () => ann },
        authorizer: { authorize: async () => ({ allowed: true, id: 'd', reason: 'allow', determining: [] }) },
        audit: { record: async () => {} },
        routes: [
          ruleRoutes(rules, {
            compileFilter: (text) => (rule) => 'severity' in rule && rule.severity === text,
            requireWorkspace: async (_, workspace) => {
              if (workspace !== 'default') throw detectionError('detection.rule.notFound', `no workspace ${workspace}`)
            },
          }),
          exclusionRoutes(rules, { requireWorkspace: async () => {}, collect: async () => {} }),
        ],
      })
    })
    afterEach(async () => {
      await server.close()
      await drop()
    })

    const base = '/v1/workspaces/default/rules'
    const put = (id: string, text: string, headers = {}) =>
      server.inject({
        method: 'PUT',
        url: `${base}/${id}`,
        payload: text,
        headers: { 'content-type': 'application/yaml', ...headers },
      })
    // Each event comes once: a record that was looked at is never looked at again.
    let offset = 0
    const matched = (of: ReturnType<typeof aRuleDetector> = detector) =>
      of.detect(shard, [anEvent(offset++, { outcome: 'failed', host: 'h' })]).map(({ rule }) => rule.id)

    test('a rule that was put is live, kept over a restart, changed by the next PUT, and gone once deleted', async () => {
      const answer = await put('failed', failed)
      expect(answer.statusCode).toBe(200)
      expect(answer.json()).toMatchObject({ id: 'failed', kind: 'rule', severity: 'high', warnings: [] })
      expect(matched()).toEqual(['failed'])
      expect(matched(await reload())).toEqual(['failed'])

      const changed = await put('failed', failed.replace('outcome: failed', 'outcome: other'))
      expect(changed.headers.etag).not.toBe(answer.headers.etag)
      expect(matched()).toEqual([])
      const got = await server.inject({ url: `${base}/failed` })
      expect(got.json().text).toContain('outcome: other')

      await put('failed', failed)
      expect((await server.inject({ method: 'DELETE', url: `${base}/failed` })).statusCode).toBe(204)
      expect(matched()).toEqual([])
      expect((await server.inject({ url: `${base}/failed` })).json()).toMatchObject({ code: 'detection.rule.notFound' })
    })

    test('a rule that cannot be used is refused with every place that is wrong, and nothing changes', async () => {
      await put('failed', failed)
      const wrong =
        'title: T\nid: failed\nlevel: hihg\nlogsource: {product: test}\ndetection: {sel: {a|contians: 1}, condition: slection}\n'
      const answer = await put('failed', wrong)
      expect(answer.statusCode).toBe(422)
      expect(answer.json()).toMatchObject({ code: 'detection.rule.refused', detail: expect.any(String) })
      expect(answer.json().errors.map(({ path }: { path: string }) => path)).toEqual([
        'line 3, column 8',
        'line 5, column 19',
        'line 5, column 46',
      ])
      expect(JSON.stringify(answer.json().errors)).toContain('did you mean `contains`?')
      expect(matched()).toEqual(['failed'])
      expect((await put('other', failed)).json()).toMatchObject({ code: 'detection.rule.otherId', status: 422 })
      expect((await put('empty', '')).statusCode).toBe(422)
      expect((await put('big', `title: ${'x'.repeat(1024 * 1024)}`)).statusCode).toBe(413)
    })

    test('If-Match keeps two authors from overwriting each other', async () => {
      const first = await put('failed', failed, { 'if-match': '"0"' })
      expect(first.statusCode).toBe(200)
      expect((await put('failed', failed, { 'if-match': '"0"' })).statusCode).toBe(412)
      expect((await put('failed', failed, { 'if-match': String(first.headers.etag) })).statusCode).toBe(200)
    })

    test('a correlation needs its rules, and keeps them', async () => {
      expect((await put('guessing', guessing)).json().detail ?? '').toContain('`failed`, which is not here')
      await put('failed', failed)
      expect((await put('guessing', guessing)).statusCode).toBe(200)
      expect((await server.inject({ method: 'DELETE', url: `${base}/failed` })).json()).toMatchObject({
        status: 409,
        code: 'detection.rule.inUse',
      })
      await server.inject({ method: 'DELETE', url: `${base}/guessing` })
      expect((await server.inject({ method: 'DELETE', url: `${base}/failed` })).statusCode).toBe(204)
    })

    test('lists are paged by id and filtered', async () => {
      for (const id of ['c', 'a', 'b', 'd']) {
        await put(id, ruleText(id, '{s: {x: 1}, condition: s}').replace('high', id === 'b' ? 'low' : 'high'))
      }
      const page = await server.inject({ url: `${base}?limit=2&filter=high` })
      expect(page.json().items.map(({ id }: { id: string }) => id)).toEqual(['a', 'c'])
      const rest = await server.inject({ url: `${base}?limit=2&filter=high&cursor=${page.json().nextCursor}` })
      expect(rest.json()).toMatchObject({ items: [{ id: 'd' }] })
      expect(rest.json().nextCursor).toBeUndefined()
      expect((await server.inject({ url: '/v1/workspaces/none/rules' })).statusCode).toBe(404)
    })

    test('an import takes a tree, each document by itself, and tells what it leaves out', async () => {
      const deep = `${'folder/'.repeat(20)}several.yml`
      const archive = gzipSync(
        writeTar([
          { path: 'linux/failed.yml', bytes: Buffer.from(failed) },
          { path: deep, bytes: Buffer.from(`${guessing}---\n${ruleText('third', '{s: {x: 1}, condition: s}')}`) },
          { path: 'bad.yml', bytes: Buffer.from('title: bad\n') },
          {
            path: 'dangling.yml',
            bytes: Buffer.from(guessing.replaceAll('guessing', 'dangling').replace('[failed]', '[none]')),
          },
          { path: 'README.md', bytes: Buffer.from('no rule') },
        ]),
      )
      const answer = await server.inject({
        method: 'POST',
        url: `${base}:import`,
        payload: archive,
        headers: { 'content-type': 'application/gzip' },
      })
      expect(answer.statusCode).toBe(200)
      expect(answer.json()).toMatchObject({ imported: 3, refused: [{ file: 'bad.yml' }, { file: 'dangling.yml' }] })
      expect((await server.inject({ url: base })).json().items.map(({ id }: { id: string }) => id)).toEqual([
        'failed',
        'guessing',
        'third',
      ])
      expect((await server.inject({ url: `${base}/guessing` })).json().text).toContain('type: event_count')
      expect((await reload()).detect(shard, [anEvent(0, { x: 1 })]).map(({ rule }) => rule.id)).toEqual(['third'])
      const nonsense = await server.inject({
        method: 'POST',
        url: `${base}:import`,
        payload: 'x',
        headers: { 'content-type': 'application/gzip' },
      })
      expect(nonsense.json()).toMatchObject({ status: 400, code: 'detection.import.unreadable' })
    })

    const call = async (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, payload?: object) =>
      server.inject({ method, url: `${base}${path}`, ...(payload === undefined ? {} : { payload }) })

    test('every form of a rule is kept with its author, and can be put back, also after it was deleted', async () => {
      await put('failed', failed)
      await put('failed', failed.replace('outcome: failed', 'outcome: other'))
      await server.inject({ method: 'DELETE', url: `${base}/failed` })
      expect((await call('POST', '/failed:rollback', { revision: 7 })).statusCode).toBe(404)
      const back = await call('POST', '/failed:rollback', { revision: 1 })
      expect(back.json()).toMatchObject({ id: 'failed', revision: 4, author: ann.arn })
      expect(back.headers.etag).toBe('"4"')
      expect(matched()).toEqual(['failed'])
      const page = (await call('GET', '/failed/revisions?limit=3')).json()
      expect(page.items.map(({ revision, change, author }: never) => [revision, change, author])).toEqual([
        [4, 'rollback', ann.arn],
        [3, 'delete', ann.arn],
        [2, 'put', ann.arn],
      ])
      const rest = (await call('GET', `/failed/revisions?limit=3&cursor=${page.nextCursor}`)).json()
      expect(rest).toMatchObject({ items: [{ revision: 1, text: failed, at: '2026-03-01T09:00:00.000Z' }] })
      expect(rest.nextCursor).toBeUndefined()
      expect((await call('GET', '/never/revisions')).statusCode).toBe(404)
    })

    test('a rule can be disabled and tried out; a restart and a new form leave it so', async () => {
      await put('failed', failed)
      expect((await call('PUT', '/failed/state', { state: 'disabled' })).json()).toMatchObject({ state: 'disabled' })
      expect(matched()).toEqual([])
      await put('failed', failed.replace('high', 'low'))
      expect(matched()).toEqual([])
      expect(matched(await reload())).toEqual([])
      expect((await put('guessing', guessing)).json().detail).toContain('`failed`, which is not here')

      const canary = { state: 'canary', until: '2026-03-08T00:00:00.000Z', alertPercent: 5 }
      const { state, until, alertPercent } = canary
      expect((await call('PUT', '/failed/state', canary)).json()).toMatchObject({
        state,
        canary: { until, alertPercent },
      })
      const marks = (of = detector) =>
        of.detect(shard, [anEvent(offset++, { outcome: 'failed' })]).map((finding) => finding.canary)
      expect(marks()).toEqual([true])
      await put('failed', failed)
      expect(marks()).toEqual([true])
      expect(marks(await reload())).toEqual([true])

      await call('PUT', '/failed/state', { state: 'enabled' })
      expect(marks()).toEqual([undefined])
      await put('guessing', guessing)
      expect((await call('PUT', '/failed/state', { state: 'disabled' })).json().code).toBe('detection.rule.inUse')
      expect((await call('PUT', '/failed/state', { state: 'enabled', until })).statusCode).toBe(422)
      expect(
        (await put('new?state=canary', ruleText('new', '{s: {outcome: failed}, condition: s}'))).json(),
      ).toMatchObject({ state: 'canary', canary: {} })
    })

    test('exclusions are checked, live, kept apart from the rule, and kept over a restart', async () => {
      await put('failed', failed)
      const filter = 'title: h\nlogsource: {product: test}\nfilter: {rules: [failed], s: {host: h}, condition: s}'
      const why = { owner: 'ann', reason: 'a test host' }
      const url = '/failed/exclusions/test-host'
      expect((await call('PUT', url, { filter, ...why })).json()).toMatchObject({ hits: 0, ...why, filter })
      expect(matched()).toEqual([])
      await put('failed', failed.replace('high', 'low'))
      await server.inject({ method: 'DELETE', url: `${base}/failed` })
      await put('failed', failed)
      expect(matched()).toEqual([])
      expect(matched(await reload())).toEqual([])
      expect((await call('GET', '/failed/exclusions')).json().items).toHaveLength(1)

      const expired = { filter, ...why, expiresAt: '2026-03-01T09:00:00Z' }
      expect((await call('PUT', url, expired)).statusCode).toBe(200)
      expect(matched()).toEqual(['failed'])
      expect(matched(await reload())).toEqual(['failed'])

      for (const [wrong, code] of [
        [failed, 'detection.exclusion.refused'],
        [filter.replace('rules: [failed]', 'rules: [other]'), 'detection.exclusion.refused'],
        [filter.replace('product: test', 'product: windows'), 'detection.exclusion.refused'],
        ['title: [', 'detection.rule.refused'],
      ]) {
        expect((await call('PUT', url, { filter: wrong, ...why })).json(), wrong).toMatchObject({ code, status: 422 })
      }
      await put('guessing', guessing)
      expect((await call('PUT', '/guessing/exclusions/x', { filter, ...why })).json().detail).toContain('failed')
      await call('DELETE', '/guessing')
      await call('PUT', url, { filter, ...why })
      expect((await call('DELETE', url)).statusCode).toBe(204)
      expect(matched()).toEqual(['failed'])
      expect((await call('GET', url)).json()).toMatchObject({ code: 'detection.exclusion.notFound' })
    })

    test('a sync makes its own rules equal to the folder, all or nothing, and touches no other', async () => {
      const sync = (files: Record<string, string>, query = '') =>
        server.inject({
          method: 'POST',
          url: `${base}:sync?source=git&commit=c1${query}`,
          payload: gzipSync(
            writeTar(Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) }))),
          ),
          headers: { 'content-type': 'application/gzip' },
        })
      const tested = `${failed}tests:\n  - {name: yes, matches: true, event: {outcome: failed}}\n`
      const other = ruleText('other', '{s: {x: 1}, condition: s}')
      await put('byhand', ruleText('byhand', '{s: {outcome: failed}, condition: s}'))
      const ids = (rules: { id: string }[]) => rules.map(({ id }) => id)

      const dry = (await sync({ 'a/failed.yml': tested, 'other.yml': other }, '&dryRun=true')).json()
      expect(dry).toMatchObject({ applied: false, unchanged: 0, tests: 1, removed: [] })
      expect(ids(dry.added)).toEqual(['failed', 'other'])
      expect(matched()).toEqual(['byhand'])

      expect((await sync({ 'a/failed.yml': tested, 'other.yml': other })).json()).toMatchObject({ applied: true })
      expect(matched()).toEqual(['byhand', 'failed'])
      const again = (await sync({ 'a/failed.yml': tested, 'other.yml': other })).json()
      expect(again).toMatchObject({ added: [], changed: [], removed: [], unchanged: 2, previousCommit: 'c1' })
      expect((await call('GET', '/failed')).json()).toMatchObject({ source: 'git', commit: 'c1', revision: 1 })

      const bad = tested.replace('matches: true', 'matches: false')
      const refused = await sync({ 'a/failed.yml': bad, 'guessing.yml': guessing })
      expect(refused.json()).toMatchObject({
        code: 'detection.sync.refused',
        errors: [{ path: 'a/failed.yml', message: 'failed: yes: expected no match' }],
      })
      expect((await sync({ 'x.yml': 'title: x' })).json().code).toBe('detection.sync.refused')
      expect((await call('GET', '/other')).statusCode).toBe(200)

      const byhand = { 'byhand.yml': ruleText('byhand', '{s: {outcome: other}, condition: s}') }
      expect((await sync(byhand)).json()).toMatchObject({ code: 'detection.sync.notOwned', status: 409 })
      const next = (await sync({ ...byhand, 'a/failed.yml': tested.replace('high', 'low') }, '&adopt=true')).json()
      expect({ ...next, changed: ids(next.changed), removed: ids(next.removed) }).toMatchObject({
        added: [],
        changed: ['byhand', 'failed'],
        removed: ['other'],
      })
      expect(matched()).toEqual(['failed'])
      expect(matched(await reload())).toEqual(['failed'])
    })
  })
}
