import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signInAs } from '../../cli/client.ts'
import { engineUrl } from '../support/engines.ts'
import { type RunningService, startService } from '../support/service.ts'

const python = engineUrl('stix')
const script = fileURLToPath(new URL('taxii.py', import.meta.url))

describe.skipIf(!python)('TAXII 2.1, judged by taxii2-client (needs `npm run engines`)', () => {
  let dataDir: string
  let service: RunningService

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'rampart-taxii-'))
    service = await startService({ dataDir })
  })
  afterAll(async () => {
    await service.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  it('serves what a user of taxii2-client does', async () => {
    const token = await signInAs({ 'data-dir': dataDir })
    const said = await promisify(execFile)(python!, [script, service.runtime.endpoint, token]).catch(
      (error: { stderr?: string }) => ({ stdout: String(error.stderr) }),
    )
    expect(said.stdout.trim()).toBe('done')
  })
})
