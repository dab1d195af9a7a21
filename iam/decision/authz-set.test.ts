import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { sharedData } from '../../test/support/requirements.ts'
import { parsePolicy } from '../policy/document.ts'
import { type CompiledPolicy, compilePolicy } from '../policy/statement.ts'
import { createCasbinEvaluator } from './casbin.ts'
import { decide, determiningStatements, EMPTY_LAYERS } from './decide.ts'
import type { Evaluator } from './evaluator.ts'
import { nativeEvaluator } from './native.ts'
import { keysFrom, questionOf } from './question.ts'
import { StatementList } from './statement-list.ts'

const folder = sharedData('authz')

interface Ask {
  id: string
  principal: string
  action: string
  resource: string
  context: Record<string, string | number | boolean | string[]>
}

interface Answer {
  id: string
  decision: string
  reason: string
  determining: string[]
}

function read<T>(name: string): T[] {
  const text = gunzipSync(readFileSync(`${folder}/${name}.ndjson.gz`)).toString('utf8')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T)
}

describe.skipIf(!folder)('decisions on which Cedar and OPA agree (needs ../shared/data/authz)', () => {
  let lists: Map<string, StatementList>
  let asks: Ask[]
  let expected: Answer[]
  let casbin: Evaluator

  beforeAll(async () => {
    const policies = new Map<string, CompiledPolicy>()
    for (const { id, document } of read<{ id: string; document: unknown }>('policies')) {
      policies.set(id, compilePolicy(id, parsePolicy(JSON.stringify(document), 'identity')))
    }
    const groups = new Map(
      read<{ id: string; policies: string[] }>('groups').map((group) => [group.id, group.policies]),
    )
    lists = new Map()
    for (const user of read<{ id: string; groups: string[]; policies: string[] }>('users')) {
      const ids = new Set([...user.policies, ...user.groups.flatMap((group) => groups.get(group) ?? [])])
      lists.set(user.id, new StatementList([...ids].map((id) => policies.get(id)!)))
    }
    asks = read('requests')
    expected = read('expected')
    casbin = await createCasbinEvaluator()
  })

  const answer = (ask: Ask, evaluator: Evaluator): Answer => {
    const layers = { ...EMPTY_LAYERS, identity: lists.get(ask.principal)! }
    const question = questionOf({ ...ask, keys: keysFrom(Object.entries(ask.context)) })
    const { reason } = decide(layers, question, evaluator)
    return {
      id: ask.id,
      decision: reason === 'allow' ? 'allow' : 'deny',
      reason: { allow: 'allow', explicitDeny: 'explicit_deny', implicitDeny: 'implicit_deny' }[reason],
      determining: determiningStatements(layers, question),
    }
  }

  it('are made by the native evaluator, every one of them', () => {
    expect(expected.length).toBe(4000)
    expect(asks.map((ask) => answer(ask, nativeEvaluator))).toEqual(expected)
  })

  it('are made by casbin on the slice, every one of them', () => {
    expect(asks.map((ask) => answer(ask, casbin))).toEqual(expected)
  })
})
