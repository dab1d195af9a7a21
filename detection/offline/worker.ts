import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../platform/base/index.ts'
import { costsOfLines } from '../match/cost-model.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import type { RuleSet } from '../rule-set.ts'
import { createExplainer } from './explain.ts'
import type { InputFile } from './input-file.ts'
import { takeUpScreen } from './kept-screen.ts'
import type { LogFiles } from './log-files.ts'
import type { RulesKept } from './rule-tree.ts'
import { correlatedFields, replayUnit, type Unit, type UnitResult, type UnitTools } from './unit.ts'

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

/** A worker's side of `rampart detect`: takes units of the files until its parent ends it. */
export function serveDetectWorker({ logFiles }: { readonly logFiles: LogFiles }): void {
  const port = parentPort
  assert(port, 'a worker of rampart detect has a parent')
  const { ruleSet, files, correlations, explain, kept } = workerData as WorkerData
  const matcher = new RuleMatcher(ruleSet.rules, costsOfLines)
  const tell = (message: FromWorker): void => port.postMessage(message)
  const tools: UnitTools = {
    ...{ matcher, screen: takeUpScreen(matcher, kept), logFiles },
    fieldsOf: correlations ? correlatedFields(ruleSet) : new Map(),
    explain: explain ? createExplainer(ruleSet.rules) : undefined,
    onBytes: (bytes) => tell({ kind: 'bytes', bytes }),
  }

  const work = async (unit: Unit): Promise<void> => {
    const file = files[unit.file]
    assert(file, 'a unit names a file')
    tell({ kind: 'result', result: await replayUnit(unit, file, tools) })
  }

  // One after the other: they share the screen.
  let working = Promise.resolve()
  port.on('message', (unit: Unit) => {
    working = working.then(() => work(unit))
  })

  tell({ kind: 'ready' })
}
