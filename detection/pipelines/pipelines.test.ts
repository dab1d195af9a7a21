import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Api, createServer, iamArn, migrate, type Principal } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { ruleMigrations } from '../migrations.ts'
import { ruleRoutes } from '../routes.ts'
import { createRules, type Rules } from '../rules.ts'
import { account, anEvent, aRuleDetector, ruleText, START, shard } from '../testing/builders.ts'
import { pipelineRoutes } from './routes.ts'

const ann: Principal = { kind: 'user', account, arn: iamArn(account, 'user', 'ann'), name: 'ann', auth: 'token' }
const clock = { now: () => START }
const quiet = () => undefined
const silent = {
  ...{ info: quiet, warn: quiet, error: quiet, debug: quiet, trace: quiet, fatal: quiet },
  child: () => silent,
  level: 'silent',
}
const yaml = { 'content-type': 'application/yaml' }
const base = '/v1/workspaces/default'

const names = (priority: number, from: string, to: string) =>
  `name: N\npriority: ${priority}\ntransformations:\n  - type: field_name_mapping\n    mapping: {${from}: ${to}}\n`

for (const { name, open } of testDatabases()) {
  describe(`pipelines of a workspace (${name})`, () => {
    let server: Api
    let rules: Rules
    let detector: ReturnType<typeof aRuleDetector>
    let drop: () => Promise<void>
    let make: () => { rules: Rules; detector: ReturnType<typeof aRuleDetector> }

    beforeEach(async () => {
      const opened = await open()
      drop = opened.drop
      await migrate(opened.database, ruleMigrations, clock)
      make = () => {
        const fresh = aRuleDetector()
        const apply = async (change: Parameters<typeof fresh.rules.changeRules>[0]) => {
          expect(fresh.rules.changeRules(structuredClone(change))).toEqual([])
        }
        return { rules: createRules({ database: opened.database, clock, apply }), detector: fresh }
      }
      ;({ rules, detector } = make())
      server = await createServer({
        log: silent as never,
        version: '0.0.0',
        clock,
        authenticator: { authenticate: async () => ann },
        authorizer: { authorize: async () => ({ allowed: true, id: 'd', reason: 'allow', determining: [] }) },
        audit: { record: async () => {} },
        routes: [
          ruleRoutes(rules, { compileFilter: () => () => true, requireWorkspace: async () => undefined }),
          pipelineRoutes(rules, { requireWorkspace: async () => undefined }),
        ],
      })
      await putRule('image', '{s: {Image: x}, condition: s}')
    })
    afterEach(async () => {
      await server.close()
      await drop()
    })

    const putRule = async (id: string, detection: string, status = 200) => {
      const payload = ruleText(id, detection)
      const answer = await server.inject({ method: 'PUT', url: `${base}/rules/${id}`, headers: yaml, payload })
      expect(answer.statusCode).toBe(status)
      return answer.json()
    }
    const put = async (pipeline: string, payload: string, status = 200, headers = {}) => {
      const url = `${base}/rule-pipelines/${pipeline}`
      const answer = await server.inject({ method: 'PUT', url, headers: { ...yaml, ...headers }, payload })
      expect(answer.statusCode).toBe(status)
      return answer.json()
    }
    let offset = 0
    const firedBy = (event: Record<string, string>, by = detector) =>
      by
        .detect(shard, [anEvent(offset++, event)])
        .map(({ rule }) => rule.id)
        .sort()

    test('change every rule at once, in order of priority, and later rules too', async () => {
      await put('b', names(20, 'exe', 'process'))
      expect(firedBy({ Image: 'x' })).toEqual(['image'])
      await put('c', names(10, 'Image', 'exe'))
      expect([firedBy({ Image: 'x' }), firedBy({ exe: 'x' }), firedBy({ process: 'x' })]).toEqual([[], [], ['image']])
      await putRule('other', '{s: {Image: y}, condition: s}')
      expect([firedBy({ Image: 'y' }), firedBy({ process: 'y' })]).toEqual([[], ['other']])

      const kept = await server.inject({ method: 'GET', url: `${base}/rules/image` })
      expect(kept.json().text).toContain('Image: x')
      const again = make()
      await again.rules.load(account)
      expect(firedBy({ process: 'x' }, again.detector)).toEqual(['image'])

      const gone = await server.inject({ method: 'DELETE', url: `${base}/rule-pipelines/c` })
      expect(gone.json()).toEqual({ unusable: [] })
      expect([firedBy({ Image: 'x' }), firedBy({ process: 'x' })]).toEqual([['image'], []])
    })

    test('change exclusions with their rules, those that come later and those that were there', async () => {
      const place = { account, workspace: 'default' }
      const text = 'title: known\nlogsource: {product: test}\nfilter: {rules: [image], s: {User: svc}, condition: s}'
      const row = { ruleId: 'image', text, owner: 'ann', reason: 'known' }
      await rules.putExclusion(place, { ...row, name: 'before' }, undefined)
      expect(firedBy({ Image: 'x', User: 'svc' })).toEqual([])
      await put('names', names(10, 'Image', 'exe, User: actor'))
      expect([firedBy({ exe: 'x', actor: 'svc' }), firedBy({ exe: 'x', User: 'svc' })]).toEqual([[], ['image']])
      await rules.deleteExclusion(place, 'image', 'before', undefined)
      await rules.putExclusion(place, { ...row, name: 'after' }, undefined)
      expect(firedBy({ exe: 'x', actor: 'svc' })).toEqual([])
      const again = make()
      await again.rules.load(account)
      expect(firedBy({ exe: 'x', actor: 'svc' }, again.detector)).toEqual([])
      await server.inject({ method: 'DELETE', url: `${base}/rule-pipelines/names` })
      expect([firedBy({ Image: 'x', User: 'svc' }), firedBy({ Image: 'x', User: 'ann' })]).toEqual([[], ['image']])
    })

    test('tell which rules they make unusable; those are kept, and run again without them', async () => {
      await putRule('dns', '{s: {QueryName: x}, condition: s}')
      const failing =
        'transformations:\n  - {type: detection_item_failure, message: no DNS here, field_name_conditions: [{type: include_fields, fields: [QueryName]}]}\n'
      const { unusable } = await put('strict', failing)
      expect(unusable).toEqual([{ id: 'dns', reasons: [expect.stringContaining('no DNS here')] }])
      expect([firedBy({ QueryName: 'x' }), firedBy({ Image: 'x' })]).toEqual([[], ['image']])
      const { errors } = await putRule('dns2', '{s: {QueryName: x}, condition: s}', 422)
      expect(errors[0].message).toContain('no DNS here')
      await server.inject({ method: 'DELETE', url: `${base}/rule-pipelines/strict` })
      expect(firedBy({ QueryName: 'x' })).toEqual(['dns'])
    })

    test('are refused by line, and changed only as they are known', async () => {
      const { errors } = await put('bad', 'transformations:\n  - {type: field_name_maping, mapping: {a: b}}\n', 422)
      expect(errors).toEqual([
        {
          path: 'line 2, column 12',
          message: 'no transformation is called `field_name_maping`; did you mean `field_name_mapping`?',
        },
      ])
      await put('n', names(1, 'a', 'b'))
      await put('n', names(1, 'a', 'c'), 412, { 'if-match': '"7"' })
      const listed = await server.inject({ method: 'GET', url: `${base}/rule-pipelines` })
      expect(listed.json().items.map((item: { name: string }) => item.name)).toEqual(['n'])
      const missing = await server.inject({ method: 'GET', url: `${base}/rule-pipelines/none` })
      expect(missing.statusCode).toBe(404)
    })

    test('change the fields that correlations group by, by the log sources of their rules', async () => {
      const correlation = `title: C\nid: c\ncorrelation: {type: event_count, rules: [image], group-by: [User], timespan: 1m, condition: {gte: 2}}\n`
      const url = `${base}/rules/c`
      expect((await server.inject({ method: 'PUT', url, headers: yaml, payload: correlation })).statusCode).toBe(200)
      const conditional = `${names(1, 'User', 'user.name')}    rule_conditions: [{type: logsource, product: test}]\n`
      await put('n', conditional)
      expect(firedBy({ Image: 'x', 'user.name': 'ann' })).toEqual([])
      expect(firedBy({ Image: 'x', 'user.name': 'ann' })).toEqual(['c'])
      expect(firedBy({ Image: 'x', User: 'bob' })).toEqual([])
      expect(firedBy({ Image: 'x', User: 'bob' })).toEqual([])
    })
  })
}
