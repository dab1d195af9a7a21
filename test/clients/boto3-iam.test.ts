import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engineUrl } from '../support/engines.ts'
import { type RunningService, startService } from '../support/service.ts'

const python = engineUrl('boto3')

describe.skipIf(!python)('IAM and STS, judged by boto3 (needs `npm run engines`)', () => {
  let dataDir: string
  let service: RunningService

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'rampart-boto3-'))
    service = await startService({ dataDir })
  })
  afterAll(async () => {
    await service.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  const run = async (script: string) => {
    const file = await readFile(join(dataDir, 'bootstrap-credentials.json'), 'utf8')
    const { endpoint, accessKeyId, secretAccessKey } = JSON.parse(file)
    const said = await promisify(execFile)(python!, [
      fileURLToPath(new URL(script, import.meta.url)),
      endpoint,
      accessKeyId,
      secretAccessKey,
    ]).catch((error: { stderr?: string }) => ({ stdout: String(error.stderr) }))
    expect(said.stdout.trim()).toBe('done')
  }

  it('serves what a user of boto3 does', () => run('boto3-iam.py'))

  it('refuses new access that is not meant, where the account wants it so', async () => {
    const settings = (refuseNewAccess: boolean) =>
      service.client.call('/v1/iam/settings', { method: 'PUT', body: { refuseNewAccess } })
    await settings(true)
    await run('boto3-gate.py')
    await settings(false)
  })
})
