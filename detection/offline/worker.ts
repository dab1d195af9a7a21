import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../platform/index.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import type { RuleSet } from '../rule-set.ts'
import { createExplainer } from './explain.ts'
import type { InputFile } from './input-file.ts'
import { correlatedFields, replayUnit, type Unit, type UnitResult } from './unit.ts'

/** What a worker of `rampart detect` starts with. */
export interface WorkerData {
  readonly ruleSet: RuleSet
  readonly files: readonly InputFile[]
  readonly correlations: boolean
  readonly explain: boolean
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'result'; readonly result: UnitResult }

const port = parentPort
assert(port, 'a worker of rampart detect has a parent')
const { ruleSet, files, correlations, explain } = workerData as WorkerData
const matcher = new RuleMatcher(ruleSet.rules)
const fieldsOf = correlations ? correlatedFields(ruleSet) : new Map()
const explainer = explain ? createExplainer(ruleSet.rules) : undefined
matcher.prepare()
const tell = (message: FromWorker): void => port.postMessage(message)

port.on('message', async (unit: Unit) => {
  const file = files[unit.file]
  assert(file, 'a unit names a file')
  const onBytes = (bytes: number) => tell({ kind: 'bytes', bytes })
  const result = await replayUnit(unit, file, matcher, fieldsOf, onBytes, explainer)
  tell({ kind: 'result', result })
})

tell({ kind: 'ready' })
