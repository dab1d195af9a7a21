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
            compileFilter: (text) => (rule) => rule.severity === text,
            requireWorkspace: async (_, workspace) => {
              if (workspace !== 'default') throw detectionError('detection.rule.notFound', `no workspace ${workspace}`)
            },
          }),
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
    const matched = (of: ReturnType<typeof aRuleDetector> = detector) =>
      of.detect(shard, [anEvent(0, { outcome: 'failed', host: 'h' })]).map(({ rule }) => rule.id)

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
  })
}
