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
const script = fileURLToPath(new URL('boto3-iam.py', import.meta.url))

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

  it('serves what a user of boto3 does', async () => {
    const file = await readFile(join(dataDir, 'bootstrap-credentials.json'), 'utf8')
    const { endpoint, accessKeyId, secretAccessKey } = JSON.parse(file)
    const said = await promisify(execFile)(python!, [script, endpoint, accessKeyId, secretAccessKey]).catch(
      (error: { stderr?: string }) => ({ stdout: String(error.stderr) }),
    )
    expect(said.stdout.trim()).toBe('done')
  })
})
