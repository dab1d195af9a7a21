import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabases } from '../support/databases.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningService, startService } from '../support/service.ts'

const base = '/v1/workspaces/default'

const ruleText = (id: string, selection: string) =>
  `title: Rule ${id}\nid: ${id}\nlevel: high\nlogsource: {category: application}\ndetection: {s: ${selection}, condition: s}\n`

interface Health {
  rules: {
    ruleId: string
    matches: number
    heldBack: number
    excluded: number
    canaryFindings: number
    problems: string[]
  }[]
}

describe.each(testDatabases())('the life of a rule on $name', (kind) => {
  let dir: string
  let drop: () => Promise<void>
  let env: Record<string, string>
  let service: RunningService

  beforeAll(async () => {
    const opened = await kind.open()
    drop = opened.drop
    dir = mkdtempSync(join(tmpdir(), 'rampart-life-'))
    env = opened.url === undefined ? {} : { RAMPART_DATABASE_URL: opened.url }
    service = await startService({ dataDir: dir, env })
  })
  afterAll(async () => {
    await service.stop()
    await drop()
    rmSync(dir, { recursive: true, force: true })
  })

  const rampart = (...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const command = ['--disable-warning=ExperimentalWarning', 'cli/main.ts', ...args, '--data-dir', dir]
      execFile(process.execPath, command, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
      })
    })
  const putRule = (id: string, text: string, query = '') =>
    service.client.call(`${base}/rules/${id}${query}`, { method: 'PUT', contentType: 'application/yaml', body: text })
  const send = (records: readonly object[]) =>
    service.client.call(`${base}/dataspaces/default/pipes/logs/records`, { body: records })
  const alertsOf = async (ruleId: string) =>
    (
      await service.client.call<{ items: { ruleId: string; count: number; title: string }[] }>(
        `${base}/alerts?limit=500&filter=${encodeURIComponent(`ruleId = '${ruleId}'`)}`,
      )
    ).items
  const healthOf = async (ruleId: string) =>
    (await service.client.call<Health>(`${base}/rules/health`)).rules.find((rule) => rule.ruleId === ruleId)
  const processed = (marker: string, count: number) =>
    eventually(`${count} events of ${marker}`, async () => {
      const body = { query: `source=logs | where marker = '${marker}' | stats count()` }
      const { rows } = await service.client
        .call<{ rows: number[][] }>(`${base}/search`, { body })
        .catch(() => ({ rows: [] }))
      return rows[0]?.[0] === count
    })

  it('is tried out: found, counted once and listed, and no alert, also over kill -9; then it alerts', async () => {
    await putRule('tried', ruleText('tried', '{marker: tried}'), '?state=canary')
    await send([1, 2, 3].map((n) => ({ marker: 'tried', n, hostname: 'h1', user: 'ann' })))
    await processed('tried', 3)
    await service.kill()
    service = await startService({ dataDir: dir, env })
    const listed = await eventually('what the canary found', async () => {
      const { items } = await service.client.call<{ items: { recordIds: string[]; entities: object }[] }>(
        `${base}/rules/tried/canary-findings`,
      )
      return items.length === 3 && items
    })
    expect(listed[0]).toMatchObject({ entities: { hosts: ['h1'], users: ['ann'] } })
    expect((await healthOf('tried'))?.canaryFindings).toBe(3)
    expect(await alertsOf('tried')).toEqual([])

    await service.client.call(`${base}/rules/tried/state`, { method: 'PUT', body: { state: 'enabled' } })
    await send([{ marker: 'tried', n: 4, hostname: 'h1' }])
    await eventually('an alert', async () => (await alertsOf('tried')).length === 1)
    expect((await healthOf('tried'))?.canaryFindings).toBe(3)
  })

  it('is narrowed by exclusions that count what they leave out', async () => {
    await putRule('narrow', ruleText('narrow', '{marker: narrow}'))
    await service.client.call(`${base}/rules/narrow/exclusions/scanner`, {
      method: 'PUT',
      body: {
        filter:
          'title: Scanner\nlogsource: {category: application}\nfilter: {rules: [narrow], s: {hostname: scan-1}, condition: s}',
        owner: 'ann',
        reason: 'the scanner looks at everything',
      },
    })
    await send(['scan-1', 'scan-1', 'web-1'].map((hostname) => ({ marker: 'narrow', hostname })))
    await eventually('an alert', async () => (await alertsOf('narrow')).length === 1)
    expect(await healthOf('narrow')).toMatchObject({ matches: 1, excluded: 2 })
    const exclusion = await service.client.call(`${base}/rules/narrow/exclusions/scanner`)
    expect(exclusion).toMatchObject({ hits: 2, lastHitAt: expect.any(String) })
  })

  it('is tried on what happened, from the command line, before it is put', async () => {
    const hosts = ['web-1', 'web-1', 'web-2']
    await send(hosts.map((hostname, n) => ({ marker: 'past', hostname, n })))
    await processed('past', 3)
    const file = join(dir, 'past.yml')
    writeFileSync(file, ruleText('past', '{marker: past}'))
    const { code, stdout } = await rampart('rules', 'backtest', file, '--days', '2', '--json')
    expect(code).toBe(0)
    const result = JSON.parse(stdout)
    expect(result.rules).toMatchObject([{ id: 'past', matches: 3, findings: 3, alerts: 2, alertsPerDay: 1 }])
    expect(result.topEntities[0]).toEqual({ kind: 'hosts', value: 'web-1', findings: 2 })
    expect(result.samples[0]).toMatchObject({ raw: '{"marker":"past","hostname":"web-1","n":0}' })
    // What stands in the store is what a search finds by its id.
    const query = `source=logs | where _id = '${result.samples[2].recordId}' | fields hostname`
    expect(await service.client.call(`${base}/search`, { body: { query } })).toMatchObject({ rows: [['web-2']] })
    expect((await rampart('rules', 'backtest', file)).stdout).toMatch(/past +Rule past +3 +0 +2/)

    const filter =
      'title: W\nlogsource: {category: application}\nfilter: {rules: [past], s: {hostname: web-1}, condition: s}'
    await putRule('past', ruleText('past', '{marker: past}'))
    const { jobId } = await service.client.call<{ jobId: string }>(`${base}/rules/past/exclusions/w:preview`, {
      body: { filter, days: 1 },
    })
    const preview = await eventually('the preview', async () => {
      const job = await service.client.call<{ state: string; output?: { rules: object[] } }>(`/v1/jobs/${jobId}`)
      return job.state === 'succeeded' && job.output
    })
    expect(preview.rules).toMatchObject([{ matches: 2, alerts: 1 }])

    writeFileSync(file, 'title: x')
    expect(await rampart('rules', 'backtest', file)).toMatchObject({ code: 1 })
  })

  it('follows a git folder, all or nothing, and says what it does before', async () => {
    const folder = join(dir, 'rules')
    mkdirSync(folder)
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { encoding: 'utf8' })
    git('init', '-q')
    const tested = (matches: boolean) =>
      `${ruleText('followed', '{marker: followed}')}tests:\n  - {name: its marker, matches: ${matches}, event: {marker: followed}}\n`
    writeFileSync(join(folder, 'followed.yml'), tested(true))
    git('add', '.')
    git('commit', '-qm', 'first')
    const commit = git('rev-parse', 'HEAD').trim()
    const dry = await rampart('rules', 'sync', folder, '--dry-run')
    expect(dry).toMatchObject({ code: 0, stdout: '+ followed  Rule followed\n' })
    await expect(service.client.call(`${base}/rules/followed`)).rejects.toMatchObject({ status: 404 })
    expect((await rampart('rules', 'sync', folder)).code).toBe(0)
    expect(await service.client.call(`${base}/rules/followed`)).toMatchObject({ source: 'rules', commit })
    const again = await rampart('rules', 'sync', folder)
    expect(again).toMatchObject({ code: 0, stdout: '' })
    expect(again.stderr).toContain('0 added, 0 changed, 0 removed, 1 unchanged; 1 tests pass')

    writeFileSync(join(folder, 'followed.yml'), tested(false))
    const failing = await rampart('rules', 'sync', folder)
    expect(failing).toMatchObject({ code: 1, stdout: '' })
    expect(failing.stderr).toContain('followed.yml: followed: its marker: expected no match')
    rmSync(join(folder, 'followed.yml'))
    expect((await rampart('rules', 'sync', folder)).stdout).toBe('- followed  Rule followed\n')
    await expect(service.client.call(`${base}/rules/followed`)).rejects.toMatchObject({ status: 404 })
    expect(await service.client.call(`${base}/rules/tried`)).toMatchObject({ id: 'tried' })
  })

  it('that matches everything is throttled with a notice, and never floods', async () => {
    await putRule('storm', ruleText('storm', '{marker: storm}'))
    const events = Array.from({ length: 4_000 }, (_, n) => ({ marker: 'storm', hostname: `host-${n}` }))
    await send(events)
    await processed('storm', 4_000)
    const health = await eventually('the health of the rule', async () => {
      const found = await healthOf('storm')
      return found && found.matches === 4_000 && found
    })
    // Two minutes at most: the send may fall on the change from one to the next.
    expect(health.heldBack).toBeGreaterThanOrEqual(2_000)
    expect(health.problems).toContain('throttled')
    expect(service.output()).toContain('a rule matches so much that its findings are held back for now')
    let alerts = 0
    let notices = 0
    let cursor: string | undefined
    do {
      const page: { items: { ruleId: string; tags?: string[] }[]; nextCursor?: string } = await service.client.call(
        `${base}/alerts?limit=500${cursor === undefined ? '' : `&cursor=${cursor}`}`,
      )
      alerts += page.items.filter(({ ruleId }) => ruleId === 'storm').length
      notices += page.items.filter(({ tags }) => tags?.includes('rampart.throttled_rule')).length
      cursor = page.nextCursor
    } while (cursor !== undefined)
    expect(alerts).toBeGreaterThan(0)
    expect(alerts).toBeLessThanOrEqual(1_001)
    expect(notices).toBeGreaterThan(0)
  })
})
