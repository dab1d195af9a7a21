import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../platform/index.ts'
import { eventStoreContract } from '../event-store.contract.ts'
import { pplCasesContract } from '../ppl-cases.contract.ts'
import { pplSemanticsContract } from '../ppl-semantics.contract.ts'
import { openDuckDbStore } from './index.ts'

async function openTemporary() {
  const dir = mkdtempSync(join(tmpdir(), 'rampart-duckdb-'))
  const open = () => openDuckDbStore({ dir, clock: systemClock })
  let store = await open()
  return {
    store,
    reopen: async () => {
      await store.close()
      store = await open()
      return store
    },
    remove: async () => {
      await store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

eventStoreContract('DuckDB', openTemporary)
pplSemanticsContract('DuckDB', openTemporary)
pplCasesContract('DuckDB', openTemporary)
