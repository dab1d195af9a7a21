import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../platform/index.ts'
import { costsOfLines } from '../match/cost-model.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import type { RuleSet } from '../rule-set.ts'
import { createExplainer } from './explain.ts'
import type { InputFile } from './input-file.ts'
import { takeUpScreen } from './kept-screen.ts'
import type { RulesKept } from './rule-tree.ts'
import { correlatedFields, replayUnit, type Unit, type UnitResult } from './unit.ts'

/** What a worker of `rampart detect` starts with. */
export interface WorkerData {
  readonly ruleSet: RuleSet
  readonly files: readonly InputFile[]
  readonly correlations: boolean
  readonly explain: boolean
  readonly kept: RulesKept | undefined
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'result'; readonly result: UnitResult }

const port = parentPort
assert(port, 'a worker of rampart detect has a parent')
const { ruleSet, files, correlations, explain, kept } = workerData as WorkerData
const matcher = new RuleMatcher(ruleSet.rules, costsOfLines)
const fieldsOf = correlations ? correlatedFields(ruleSet) : new Map()
const explainer = explain ? createExplainer(ruleSet.rules) : undefined
const screen = takeUpScreen(matcher, kept)
const tell = (message: FromWorker): void => port.postMessage(message)

async function work(unit: Unit): Promise<void> {
  const file = files[unit.file]
  assert(file, 'a unit names a file')
  const onBytes = (bytes: number) => tell({ kind: 'bytes', bytes })
  const result = await replayUnit(unit, file, matcher, screen, fieldsOf, onBytes, explainer)
  tell({ kind: 'result', result })
}

// One after the other: they share the screen.
let working = Promise.resolve()
port.on('message', (unit: Unit) => {
  working = working.then(() => work(unit))
})

tell({ kind: 'ready' })
