import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiError } from '../../cli/client.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningService, startService } from '../support/service.ts'
import { canMountSmallDisks, fillDisk, mountSmallDisk } from '../support/small-disk.ts'

const base = '/v1/workspaces/default'
const DISK_MIB = 1024

let mount: string
let unmount: () => void
let service: RunningService | undefined

describe.skipIf(!canMountSmallDisks())('a full disk (needs the right to mount a tmpfs)', () => {
  beforeEach(async () => {
    mount = mkdtempSync(join(tmpdir(), 'rampart-full-'))
    unmount = mountSmallDisk(mount, DISK_MIB)
    service = await startService({ dataDir: join(mount, 'data') })
  })
  afterEach(async () => {
    await service?.kill()
    unmount()
    rmSync(mount, { recursive: true, force: true })
  })

  const put = (marker: string) =>
    service?.client.call(`${base}/dataspaces/default/pipes/logs/records`, {
      body: JSON.stringify({ marker }),
      contentType: 'application/x-ndjson',
    })
  const count = async () => {
    const answer = await service?.client.call<{ rows: [[number]] }>(`${base}/search`, {
      body: { query: 'source=logs | where isnotnull(marker) | stats count()' },
    })
    return answer?.rows[0][0]
  }

  it('is refused with 503 while reads go on, and ends without a restart', { timeout: 120_000 }, async () => {
    await put('before')
    await eventually('the first record', async () => (await count()) === 1)

    const free = fillDisk(mount)
    const refused = await eventually('a refusal', async () => {
      const error = await put('while full')?.then(
        () => undefined,
        (caught: unknown) => caught,
      )
      return error instanceof ApiError && error
    })
    expect([429, 503]).toContain(refused.status)
    expect(await count()).toBeGreaterThanOrEqual(1)

    free()
    await eventually('an acknowledgement', async () =>
      put('after')?.then(
        () => true,
        () => false,
      ),
    )
    const total = await eventually('what was acknowledged', async () => {
      const rows = await service?.client.call<{ rows: [string][] }>(`${base}/search`, {
        body: { query: "source=logs | where marker = 'before' or marker = 'after' | fields marker" },
      })
      return rows && rows.rows.length >= 2 && rows.rows
    })
    expect(total.map(([marker]) => marker)).toEqual(['before', 'after'])
  })
})
