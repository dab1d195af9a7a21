import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signInAs } from '../../cli/client.ts'
import { type Database, openDatabase } from '../../platform/index.ts'
import { type RunningService, startService } from '../../test/support/service.ts'

export interface FilledService {
  readonly service: RunningService
  /** Of who made the account, who may ask and assert. */
  readonly token: string
  end(): Promise<void>
}

/** A started service whose database `fill` wrote to, beside the account of the first start. */
export async function startFilledService(fill: (database: Database) => Promise<void>): Promise<FilledService> {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-bench-'))
  await (await startService({ dataDir: dir })).stop()
  const database = openDatabase({ file: join(dir, 'rampart.db') })
  await fill(database)
  await database.close()
  const service = await startService({ dataDir: dir })
  return {
    service,
    token: await signInAs({ 'data-dir': dir }),
    async end() {
      await service.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
