// Loads the identities and policies of a SQLite file and says what that took: `node bench/support/load-iam.ts FOLDER`.
// Its own process, so that what it holds in memory is nothing else's.
import { join } from 'node:path'
import { createIam } from '../../iam/index.ts'
import { openDatabase, openSealer, systemClock } from '../../platform/index.ts'

const folder = process.argv[2] ?? ''
const database = openDatabase({ file: join(folder, 'rampart.db') })
const startedAt = performance.now()
const cpu = process.cpuUsage()
const iam = await createIam({ database, sealer: openSealer({ dataDir: folder }), clock: systemClock })
const seconds = (performance.now() - startedAt) / 1000
const used = process.cpuUsage(cpu)
const { rss } = process.memoryUsage()
const mebibytes = 2 ** 20
console.log(
  JSON.stringify({
    seconds,
    coreSeconds: (used.user + used.system) / 1e6,
    residentMiB: rss / mebibytes,
    peakMiB: process.resourceUsage().maxRSS / 1024,
  }),
)
await iam.close()
await database.close()
