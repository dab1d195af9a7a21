import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMetrics, migrate, type RampartError } from '../platform/index.ts'
import { testDatabases } from '../test/support/databases.ts'
import { type Cases, createCases } from './cases.ts'
import { ALERTS_PER_RULE_AND_HOUR_MAX, COMMENTS_PER_ALERT_MAX, LEDGER_AGE_MS_MAX, OUTBOX_AGE_MS_MAX } from './limits.ts'
import { caseMigrations } from './migrations.ts'
import { aClock, aContext, account, aFinding, HOUR, otherAccount, START } from './testing/builders.ts'
import type { AlertChange, AlertPatch } from './types.ts'
import type { UpdateOptions } from './update-alert.ts'

describe.each(testDatabases())('the alert hub on $name', (kind) => {
  let cases: Cases
  let another: Cases
  let clock: ReturnType<typeof aClock>
  let drop: () => Promise<void>

  beforeEach(async () => {
    const opened = await kind.open()
    drop = opened.drop
    clock = aClock()
    await migrate(opened.database, caseMigrations, clock)
    cases = createCases({ database: opened.database, clock, metrics: createMetrics() })
    another = createCases({ database: opened.database, clock, metrics: createMetrics() })
  })
  afterEach(() => drop())

  const list = async () => (await cases.listAlerts(aContext(), 'default', { limit: 500 })).items
  const only = async () => {
    const alerts = await list()
    expect(alerts).toHaveLength(1)
    return alerts[0]!
  }
  const takeAll = () => cases.alertChanges.take(10_000)
  const kinds = async () => (await takeAll()).map((change) => change.change)
  const refused = (promise: Promise<unknown>): Promise<RampartError> =>
    promise.then(
      () => expect.fail('was not refused'),
      (error) => error as RampartError,
    )

  describe('of findings', () => {
    it('makes one alert of one key, with sum, extremes and unions', async () => {
      await cases.takeFindings([aFinding('a', { time: START + 5 })])
      await cases.takeFindings([
        aFinding('b', {
          time: START + 9,
          rule: { severity: 'high', techniques: ['T1110'] },
          entities: { hosts: ['web-1'], users: ['eve'] },
        }),
        aFinding('c', { time: START, rule: { severity: 'low' } }),
      ])
      expect(await only()).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        ruleId: 'r1',
        title: 'Root logged in',
        severity: 'high',
        state: 'new',
        count: 3,
        firstSeen: '2026-01-01T00:00:00.000Z',
        lastSeen: '2026-01-01T00:00:00.009Z',
        dedupKey: expect.stringMatching(/^[0-9a-f]{64}$/),
        entities: { hosts: ['web-1'], users: ['eve', 'root'], ips: ['10.0.0.9'] },
        techniques: ['T1078', 'T1110'],
        events: ['logs/0/c', 'logs/0/a', 'logs/0/b'],
        risk: { score: 75, base: 75, confidence: 1, intel: 1, asset: 1 },
      })
    })

    it('counts a finding once however often it comes', async () => {
      await cases.takeFindings([aFinding('a'), aFinding('a')])
      await cases.takeFindings([aFinding('a'), aFinding('b')])
      expect((await only()).count).toBe(2)
    })

    it('keeps the accounts apart, ids of findings too', async () => {
      await cases.takeFindings([aFinding('a'), aFinding('b', { account: otherAccount })])
      await cases.takeFindings([aFinding('a', { account: otherAccount })])
      expect((await only()).count).toBe(1)
    })

    it('keeps the first 20 and the last 20 records', async () => {
      const findings = Array.from({ length: 100 }, (_, index) => aFinding(`${index}`, { time: START + index }))
      for (const finding of findings.toReversed()) await cases.takeFindings([finding])
      const expected = [...Array(20).keys(), ...Array.from(Array(20).keys(), (index) => index + 80)]
      expect((await only()).events).toEqual(expected.map((index) => `logs/0/${index}`))
    })

    it('begins another alert when the last occurrence is a day past', async () => {
      await cases.takeFindings([aFinding('a'), aFinding('b', { time: START + 20 * HOUR })])
      await cases.takeFindings([aFinding('c', { time: START + 44 * HOUR })])
      expect((await only()).count).toBe(3)
      await cases.takeFindings([aFinding('d', { time: START + 44 * HOUR + 24 * HOUR + 1 })])
      expect((await list()).map((alert) => alert.count)).toEqual([1, 3])
      await cases.takeFindings([aFinding('e', { time: START + 69 * HOUR })])
      expect((await list()).map((alert) => alert.count)).toEqual([2, 3])
    })

    it('does so within one batch as well', async () => {
      await cases.takeFindings([
        aFinding('a'),
        aFinding('b', { time: START + 25 * HOUR }),
        aFinding('c', { time: START + 1 }),
      ])
      expect((await list()).map((alert) => alert.count).sort()).toEqual([1, 2])
    })

    it("takes the rule's window, up to seven days", async () => {
      const rule = { dedup: { windowMs: 30 * 24 * HOUR } }
      await cases.takeFindings([aFinding('a', { rule }), aFinding('b', { rule, time: START + 7 * 24 * HOUR })])
      expect((await only()).count).toBe(2)
      await cases.takeFindings([aFinding('c', { rule, time: START + 14 * 24 * HOUR + 1 })])
      expect(await list()).toHaveLength(2)
    })

    it('takes text that no database would', async () => {
      const rule = { title: `a\u0000b\ud800${'x'.repeat(1000)}`, tags: ['\u0000'] }
      await cases.takeFindings([aFinding('a', { rule, entities: { '__proto__\u0000': ['\u0000\udfff'] } })])
      const alert = await only()
      expect(alert.title).toMatch(/^a\ufffdb\ufffdx+…$/)
      expect(alert.title).toHaveLength(512)
      expect(alert.entities['__proto__\ufffd']).toEqual(['\ufffd\ufffd'])
    })

    it('bounds what a flood of made-up values may cost', async () => {
      const flood = Array.from({ length: 5000 }, (_, index) => `${index}`.padEnd(300, 'x'))
      await cases.takeFindings([
        aFinding('a', { entities: { hosts: ['web-1'], ips: flood }, rule: { techniques: flood } }),
      ])
      const alert = await only()
      expect(alert.entities.ips).toHaveLength(100)
      expect(alert.techniques).toHaveLength(50)
      expect(JSON.stringify(alert).length).toBeLessThan(60_000)
    })

    it('makes alerts of a batch as wide as a day', async () => {
      const findings = Array.from({ length: 900 }, (_, index) =>
        aFinding(`${index}`, { entities: { hosts: [`h${index}`] } }),
      )
      await cases.takeFindings(findings)
      expect(await takeAll()).toHaveLength(900)
    })

    it('is one alert when two take the same key at the same moment', async () => {
      const batches = Array.from({ length: 8 }, (_, index) => [
        aFinding(`${index}`),
        aFinding(`x${index}`, { entities: { hosts: [`h${index % 3}`] } }),
        aFinding('shared'),
      ])
      await Promise.all(batches.map((batch, index) => (index % 2 ? cases : another).takeFindings(batch)))
      const counts = (await list()).map((alert) => [alert.entities.hosts?.[0], alert.count])
      expect(counts.sort()).toEqual([
        ['h0', 3],
        ['h1', 3],
        ['h2', 2],
        ['web-1', 9],
      ])
    })
  })

  describe('after closing', () => {
    const close = async (verdict: 'true_positive' | 'false_positive' | 'benign') => {
      const { id } = await only()
      await cases.updateAlert(aContext(), 'default', id, { state: 'in_progress' })
      await cases.updateAlert(aContext('ann', clock.now()), 'default', id, { state: 'resolved', verdict })
      return id
    }
    const rule = { dedup: { reopenForMs: HOUR } }

    it('is told of each rule, how many of its alerts were false positives', async () => {
      const outcomes = async (since = START, of = account) =>
        (await cases.ruleOutcomes({ account: of, workspace: 'default' }, since)).map(
          ({ alerts, closedAlerts, falsePositives }) => [alerts, closedAlerts, falsePositives],
        )
      expect(await outcomes()).toEqual([])
      await cases.takeFindings([aFinding('a')])
      expect(await outcomes()).toEqual([[1, 0, 0]])
      await close('false_positive')
      await cases.takeFindings([aFinding('b', { time: START + 1 })])
      expect(await outcomes()).toEqual([[2, 1, 1]])
      expect(await outcomes(START + 2)).toEqual([])
      expect(await outcomes(START, otherAccount)).toEqual([])
    })

    it('makes another alert when the rule says nothing', async () => {
      await cases.takeFindings([aFinding('a')])
      const id = await close('true_positive')
      await cases.takeFindings([aFinding('b', { time: START + 1 })])
      const alerts = await list()
      expect(alerts.map((alert) => [alert.state, alert.count])).toEqual([
        ['new', 1],
        ['resolved', 1],
      ])
      expect(alerts[1]?.id).toBe(id)
    })

    it('opens again within the time the rule gives, to be judged anew', async () => {
      await cases.takeFindings([aFinding('a', { rule })])
      const id = await close('true_positive')
      await cases.alertChanges.done((await takeAll()).map((change) => change.id))
      clock.at += HOUR
      await cases.takeFindings([
        aFinding('b', { rule, time: START + 100 * HOUR }),
        aFinding('c', { rule, time: START + 101 * HOUR }),
      ])
      expect(await only()).toMatchObject({ id, state: 'new', count: 3 })
      expect(await only()).not.toHaveProperty('verdict')
      expect(await kinds()).toEqual(['status_changed'])
      const moves = (await cases.listMoves(aContext(), 'default', id, {})).items
      expect(moves.at(-1)).toMatchObject({ who: 'platform', member: 'state', from: 'resolved', to: 'new' })
      clock.at += HOUR
      await cases.takeFindings([aFinding('d', { rule, time: START + 101 * HOUR })])
      expect((await only()).count).toBe(4)
    })

    it('makes another alert once that time is over', async () => {
      await cases.takeFindings([aFinding('a', { rule })])
      await close('true_positive')
      clock.at += HOUR + 1
      await cases.takeFindings([aFinding('b', { rule })])
      expect(await list()).toHaveLength(2)
    })

    it('only counts on what was closed as harmless', async () => {
      await cases.takeFindings([aFinding('a', { rule })])
      const id = await close('benign')
      await cases.takeFindings([aFinding('b', { rule }), aFinding('c', { rule })])
      await cases.takeFindings([aFinding('d', { rule })])
      expect(await only()).toMatchObject({ id, state: 'resolved', verdict: 'benign', count: 4, seenAgain: 3 })
    })

    it('lets a person open it again, and then it takes findings again', async () => {
      await cases.takeFindings([aFinding('a')])
      const id = await close('benign')
      const { alert } = await cases.updateAlert(aContext(), 'default', id, { state: 'new', comment: 'too early' })
      expect(alert).not.toHaveProperty('verdict')
      await cases.takeFindings([aFinding('b')])
      expect((await only()).count).toBe(2)
    })

    it('lets the newer alert take findings when an older one of its key is opened again', async () => {
      await cases.takeFindings([aFinding('a')])
      const id = await close('benign')
      await cases.takeFindings([aFinding('b')])
      await cases.updateAlert(aContext(), 'default', id, { state: 'new' })
      await cases.takeFindings([aFinding('c')])
      expect((await list()).map((alert) => [alert.id === id, alert.count])).toEqual([
        [false, 2],
        [true, 1],
      ])
    })
  })

  describe('in a storm', () => {
    const flood = (from: number, to: number, parts = {}) =>
      Array.from({ length: to - from }, (_, index) =>
        aFinding(`f${from + index}`, { entities: { hosts: [`h${from + index}`] }, ...parts }),
      )

    it('makes one summary alert of what a rule makes beyond its bound in an hour', async () => {
      await cases.takeFindings(flood(0, ALERTS_PER_RULE_AND_HOUR_MAX - 10))
      await cases.takeFindings(flood(ALERTS_PER_RULE_AND_HOUR_MAX - 10, ALERTS_PER_RULE_AND_HOUR_MAX + 50))
      await cases.takeFindings([
        ...flood(5000, 5020, { rule: { severity: 'critical' } }),
        aFinding('old', { entities: { hosts: ['h0'] } }),
      ])
      const changes = await takeAll()
      expect(changes.filter((change) => change.change === 'created')).toHaveLength(ALERTS_PER_RULE_AND_HOUR_MAX + 1)
      const newest = (await list()).filter((alert) => alert.title === 'Too many alerts of one rule: Root logged in')
      expect(newest).toMatchObject([{ count: 70, severity: 'critical', ruleId: 'r1' }])
      expect(changes.find((change) => change.alert.id === newest[0]?.id)?.alert.tags).toContain('rampart.noisy_rule')
      expect(
        changes.filter((change) => change.alert.entities.hosts?.[0] === 'h0' && change.alert.count === 2),
      ).toHaveLength(1)
    })

    it('holds no other rule back, and this one no longer than the hour', async () => {
      await cases.takeFindings(flood(0, ALERTS_PER_RULE_AND_HOUR_MAX + 5))
      await cases.takeFindings([aFinding('other', { rule: { id: 'r2' } })])
      clock.at += HOUR
      await cases.takeFindings([aFinding('later', { entities: { hosts: ['new'] } })])
      const created = (await takeAll()).filter((change) => change.change === 'created')
      expect(created).toHaveLength(ALERTS_PER_RULE_AND_HOUR_MAX + 3)
    })
  })

  describe('tells of changes', () => {
    it('in the order they were made, until they are done', async () => {
      const heard: string[] = []
      const fed: AlertChange[] = []
      cases.alertChanges.onChange(() => heard.push('change'))
      cases.onAlert((change) => fed.push(change))
      await cases.takeFindings([aFinding('a')])
      await cases.takeFindings([aFinding('b')])
      await cases.takeFindings([aFinding('c', { rule: { severity: 'high' } })])
      await cases.updateAlert(aContext(), 'default', (await only()).id, { state: 'in_progress' })
      const changes = await takeAll()
      expect(changes.map((change) => [change.change, change.revision])).toEqual([
        ['created', 1],
        ['updated', 2],
        ['severity_raised', 3],
        ['status_changed', 4],
      ])
      expect(heard).toHaveLength(4)
      expect(fed).toEqual(changes)
      await cases.alertChanges.done(changes.slice(0, 3).map((change) => change.id))
      expect(await takeAll()).toEqual(changes.slice(3))
      expect(changes[2]?.alert).toEqual({
        id: expect.any(String),
        rule_id: 'r1',
        title: 'Root logged in',
        severity: 'high',
        severity_id: 4,
        state: 'new',
        verdict: '',
        count: 3,
        first_seen: '2026-01-01T00:00:00.000Z',
        last_seen: '2026-01-01T00:00:00.000Z',
        dedup_key: expect.any(String),
        entities: { hosts: ['web-1'], users: ['root'], ips: ['10.0.0.9'] },
        techniques: ['T1078'],
        tactics: [],
        owner: '',
        tags: [],
        events: ['logs/0/a', 'logs/0/b', 'logs/0/c'],
      })
    })

    it('even when a listener fails', async () => {
      cases.alertChanges.onChange(() => {
        throw new Error('not now')
      })
      const fed: string[] = []
      cases.onAlert((change) => fed.push(change.change))
      await cases.takeFindings([aFinding('a')])
      expect(fed).toEqual(['created'])
    })

    it('once a batch for each alert', async () => {
      await cases.takeFindings([aFinding('a'), aFinding('b', { rule: { severity: 'critical' } })])
      expect(await kinds()).toEqual(['created'])
    })

    it('not at all when nothing came of it', async () => {
      await cases.takeFindings([aFinding('a')])
      await cases.takeFindings([aFinding('a')])
      await cases.updateAlert(aContext(), 'default', (await only()).id, { state: 'new' })
      expect(await kinds()).toEqual(['created'])
    })

    it('for a day, and then counts what nobody took', async () => {
      await cases.takeFindings([aFinding('a')])
      clock.at += OUTBOX_AGE_MS_MAX
      await cases.takeFindings([aFinding('b', { time: clock.at })])
      expect(await cases.prune()).toEqual({ findings: 0, changes: 0 })
      clock.at += 1
      expect(await cases.prune()).toEqual({ findings: 0, changes: 1 })
      expect(await kinds()).toEqual(['updated'])
      clock.at += LEDGER_AGE_MS_MAX
      expect(await cases.prune()).toEqual({ findings: 2, changes: 1 })
    })
  })

  it('counts what became of findings and changes', async () => {
    const metrics = createMetrics()
    const opened = await kind.open()
    try {
      await migrate(opened.database, caseMigrations, clock)
      const counted = createCases({ database: opened.database, clock, metrics })
      await counted.takeFindings([aFinding('a'), aFinding('b', { entities: { hosts: ['web-2'] } })])
      await counted.takeFindings([aFinding('b'), aFinding('c', { rule: { severity: 'high' } })])
      clock.at += OUTBOX_AGE_MS_MAX + 1
      await counted.takeFindings([aFinding('d')])
      await counted.prune()
      const { text } = await metrics.scrape()
      const lines = text.split('\n').filter((line) => line.startsWith('rampart_cases') && !line.endsWith(' 0'))
      expect(lines.sort()).toEqual([
        'rampart_cases_alert_changes_dropped_total 3',
        'rampart_cases_alert_changes_total{change="created"} 2',
        'rampart_cases_alert_changes_total{change="severity_raised"} 1',
        'rampart_cases_alert_changes_total{change="updated"} 1',
        'rampart_cases_alert_changes_waiting 1',
        'rampart_cases_findings_total{outcome="merged"} 4',
        'rampart_cases_findings_total{outcome="repeated"} 1',
      ])
    } finally {
      await opened.drop()
    }
  })

  describe('for a person', () => {
    let id: string
    beforeEach(async () => {
      await cases.takeFindings([aFinding('a')])
      id = (await only()).id
    })
    const update = (patch: AlertPatch, options?: UpdateOptions, ctx = aContext()) =>
      cases.updateAlert(ctx, 'default', id, patch, options)

    it('moves an alert through its life and writes down who did', async () => {
      await update({ state: 'in_progress', owner: 'ann', comment: 'mine' })
      await update({ state: 'resolved', verdict: 'true_positive' }, undefined, aContext('bob', START + 1))
      const { alert } = await update({ state: 'archived' })
      expect(alert).toMatchObject({ state: 'archived', verdict: 'true_positive', owner: 'ann' })
      const moves = (await cases.listMoves(aContext(), 'default', id, {})).items
      expect(moves.map((move) => [move.who.split('/')[1], move.member, move.from, move.to, move.reason])).toEqual([
        ['ann', 'state', 'new', 'in_progress', 'mine'],
        ['ann', 'owner', '', 'ann', 'mine'],
        ['bob', 'state', 'in_progress', 'resolved', ''],
        ['bob', 'verdict', '', 'true_positive', ''],
        ['ann', 'state', 'resolved', 'archived', ''],
      ])
      expect(moves[2]).toMatchObject({ at: START + 1, requestId: `req-bob-${START + 1}` })
    })

    it('changes nothing of an alert it refuses to move', async () => {
      const error = await refused(update({ state: 'resolved', verdict: 'benign', owner: 'ann', comment: 'x' }))
      expect(error).toMatchObject({ status: 409, code: 'cases.alert.wrongMove' })
      expect(error.extra).toEqual({ from: 'new', allowed: ['in_progress', 'suppressed'] })
      expect(await only()).not.toHaveProperty('owner')
      expect((await cases.listComments(aContext(), 'default', id, {})).items).toEqual([])
    })

    it('does not take the verdict of a closed alert away', async () => {
      await update({ state: 'in_progress' })
      await update({ state: 'resolved', verdict: 'benign' })
      expect(await refused(update({ verdict: null }))).toMatchObject({ code: 'cases.alert.verdictMissing' })
      expect((await update({ verdict: 'suspicious' })).alert.verdict).toBe('suspicious')
    })

    it('takes members away with null', async () => {
      await update({ owner: 'ann', verdict: 'test' })
      const { alert } = await update({ owner: null, verdict: null })
      expect(alert).not.toHaveProperty('owner')
      expect(alert).not.toHaveProperty('verdict')
    })

    it('lets one of two writers of the same revision win', async () => {
      const outcomes = await Promise.allSettled([
        update({ owner: 'ann' }, { ifMatch: '"1"' }),
        update({ owner: 'bob' }, { ifMatch: '"1"' }, aContext('bob')),
      ])
      const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
      expect(lost.map((outcome) => outcome.reason.code)).toEqual(['platform.http.changed'])
      expect((await cases.getAlert(aContext(), 'default', id)).revision).toBe(2)
    })

    it('changes an alert once under one key, whatever has come of it since', async () => {
      const first = { state: 'in_progress', comment: 'first' }
      const options = { onceKey: 'run-1/step-2', ifMatch: '"1"' }
      await update(first, options)
      await update({ state: 'resolved', verdict: 'benign' })
      const again = await update(first, options)
      expect(again).toMatchObject({ revision: 3, alert: { state: 'resolved' } })
      expect((await cases.listComments(aContext(), 'default', id, {})).items).toHaveLength(1)
      expect((await update({ comment: 'second' }, { onceKey: 'run-1/step-3' })).revision).toBe(4)
    })

    it('forgets a key whose change was refused', async () => {
      const options = { onceKey: 'k' }
      expect(await refused(update({ state: 'archived' }, options))).toMatchObject({ status: 409 })
      expect((await update({ state: 'in_progress' }, options)).alert.state).toBe('in_progress')
    })

    it('refuses words there are not', async () => {
      expect(await refused(update({ state: 'deleted' }))).toMatchObject({ status: 422, code: 'cases.alert.invalid' })
      expect(await refused(update({ verdict: 'toString' }))).toMatchObject({ status: 422 })
    })

    it('pages through comments, oldest first', async () => {
      await update({ comment: 'first' })
      await update({ comment: 'second' }, {}, aContext('bob'))
      const page = await cases.listComments(aContext(), 'default', id, { limit: 1 })
      expect(page.items).toMatchObject([{ text: 'first', at: START }])
      const rest = await cases.listComments(aContext(), 'default', id, { limit: 1, cursor: page.nextCursor! })
      expect(rest.items).toMatchObject([{ text: 'second', author: aContext('bob').principal.arn }])
      expect(rest).not.toHaveProperty('nextCursor')
    })

    it('takes only so many comments', async () => {
      for (let count = 0; count < COMMENTS_PER_ALERT_MAX; count++) await update({ comment: 'again' })
      expect(await refused(update({ comment: 'again' }))).toMatchObject({ code: 'cases.alert.tooManyComments' })
    })

    it('finds no alert of another account or workspace', async () => {
      const stranger = { ...aContext(), principal: { ...aContext().principal, account: otherAccount } }
      for (const [ctx, workspace] of [
        [stranger, 'default'],
        [aContext(), 'other'],
      ] as const) {
        expect(await refused(cases.getAlert(ctx, workspace, id))).toMatchObject({ status: 404 })
        expect(await refused(cases.updateAlert(ctx, workspace, id, { owner: 'x' }))).toMatchObject({ status: 404 })
        expect(await refused(cases.listMoves(ctx, workspace, id, {}))).toMatchObject({ status: 404 })
        expect((await cases.listAlerts(ctx, workspace, {})).items).toEqual([])
      }
    })

    it('pages through a list, newest first, with a filter', async () => {
      for (let index = 0; index < 7; index++) {
        await cases.takeFindings([aFinding(`p${index}`, { entities: { hosts: [`p${index}`] } })])
      }
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await cases.listAlerts(aContext(), 'default', {
          limit: 2,
          matches: (alert) => alert.entities.hosts?.[0] !== 'p3',
          ...(cursor ? { cursor } : {}),
        })
        seen.push(...page.items.map((alert) => alert.entities.hosts?.[0] ?? ''))
        cursor = page.nextCursor
      } while (cursor)
      expect(seen).toEqual(['p6', 'p5', 'p4', 'p2', 'p1', 'p0', 'web-1'])
    })
  })
})
