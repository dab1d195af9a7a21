// Takes findings of a fixed stream in batches until it is killed; says how far it is after each batch. The next one
// starts some batches back, as a processor does whose checkpoint lags.
import { createMetrics, openDatabase, systemClock } from '../../platform/index.ts'
import { createCases } from '../cases.ts'
import { crashFinding, FINDINGS } from './crash-stream.ts'

const [target = '', from = '0', batch = '7'] = process.argv.slice(2)
const database = openDatabase(target.startsWith('postgres:') ? { url: target } : { file: target })
const cases = createCases({ database, clock: systemClock, metrics: createMetrics() })
for (let start = Number(from); start < FINDINGS; start += Number(batch)) {
  const end = Math.min(start + Number(batch), FINDINGS)
  const findings = Array.from({ length: end - start }, (_, index) => crashFinding(start + index))
  await cases.takeFindings(findings)
  process.stdout.write(`${end}\n`)
}
await database.close()
