import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startService } from '../support/service.ts'

const base = '/v1/workspaces/default'
const pipeOf = (name: string) => `${base}/dataspaces/default/pipes/${name}`

it('windows of a pipe that was deleted go at the next start; it begins anew, and no other does', {
  timeout: 120_000,
}, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rampart-deleted-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
  let service = await startService({ dataDir })
  onTestFinished(async () => {
    await service.stop()
  })
  const { client } = service
  const put = (path: string, body: string) =>
    client.call(path, { method: 'PUT', body, contentType: 'application/yaml' })
  await put(
    `${base}/rules/no`,
    'title: No\nid: no\nlogsource: {category: test}\ndetection: {s: {act: no}, condition: s}\n',
  )
  await put(
    `${base}/rules/many`,
    'title: Many\nid: many\nlevel: high\ncorrelation: {type: event_count, rules: [no], group-by: [who], timespan: 1h, condition: {gte: 3}}\n',
  )
  const send = async (pipe: string, who: string, n: number) => {
    await service.client.call(`${pipeOf(pipe)}/records`, {
      body: JSON.stringify({ act: 'no', who, n }),
      contentType: 'application/x-ndjson',
    })
    await eventually(`record ${n} of ${pipe}`, async () => {
      const { rows } = await service.client.call<{ rows: unknown[][] }>(`${base}/search`, {
        body: { query: `source=${pipe} | where n = ${n} | fields who` },
      })
      return rows.length === 1
    })
  }
  const alerts = async () => {
    const { items } = await service.client.call<{ items: { ruleId: string; dedupKey: string }[] }>(`${base}/alerts`)
    return items.map(({ ruleId, dedupKey }) => `${ruleId} ${dedupKey}`)
  }
  const makePipe = () => service.client.call(pipeOf('web'), { method: 'PUT', body: { fields: {} } })
  const folderOf = (pipe: string) => join(dataDir, 'correlations', '000000000001', 'default', 'default', pipe)

  await makePipe()
  for (const n of [1, 2]) {
    await send('web', 'ann', n)
    await send('logs', 'bob', n)
  }
  // Stopped, so that both are on the disk.
  await service.stop()
  service = await startService({ dataDir })
  expect([existsSync(folderOf('web')), existsSync(folderOf('logs'))]).toEqual([true, true])
  await service.client.call(pipeOf('web'), { method: 'DELETE' })
  await service.kill()

  service = await startService({ dataDir })
  expect([existsSync(folderOf('web')), existsSync(folderOf('logs'))]).toEqual([false, true])
  await makePipe()
  await send('web', 'ann', 3)
  await send('logs', 'bob', 3)
  // Neither what ann did before, nor a notice that it is lost.
  expect(await alerts()).toEqual([expect.stringContaining('many ')])
  await send('web', 'ann', 4)
  await send('web', 'ann', 5)
  expect(await alerts()).toHaveLength(2)
})
