import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../platform/index.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import type { RuleSet } from '../rule-set.ts'
import type { InputFile } from './input-file.ts'
import { correlatedFields, replayUnit, type Unit, type UnitResult } from './unit.ts'

/** What a worker of `rampart detect` starts with. */
export interface WorkerData {
  readonly ruleSet: RuleSet
  readonly files: readonly InputFile[]
  readonly correlations: boolean
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'result'; readonly result: UnitResult }

const port = parentPort
assert(port, 'a worker of rampart detect has a parent')
const { ruleSet, files, correlations } = workerData as WorkerData
const matcher = new RuleMatcher(ruleSet.rules)
const fieldsOf = correlations ? correlatedFields(ruleSet) : new Map()
matcher.prepare()
const tell = (message: FromWorker): void => port.postMessage(message)

port.on('message', async (unit: Unit) => {
  const file = files[unit.file]
  assert(file, 'a unit names a file')
  const result = await replayUnit(unit, file, matcher, fieldsOf, (bytes) => tell({ kind: 'bytes', bytes }))
  tell({ kind: 'result', result })
})

tell({ kind: 'ready' })
