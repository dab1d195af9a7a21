import { type Caller, callerOf } from '../policy/principal-match.ts'
import type { CompiledPolicy } from '../policy/statement.ts'
import { classesOf, namePattern } from './classes.ts'

/** Somebody whom Principal elements name, or nobody does, with the words for it. */
export interface NamedCaller {
  readonly name: string
  readonly caller: Caller
}

const STRANGER = '999999999998'

/** One caller for each way in which the Principal elements of policies name somebody. */
export function callersOf(policies: readonly CompiledPolicy[]): NamedCaller[] {
  const entries = new Set<string>()
  for (const { statements } of policies) {
    for (const { principals } of statements) for (const text of principals?.texts.slice(1) ?? []) entries.add(text)
  }
  const callers = new Map<string, Caller>([['everyone', callerIn(STRANGER, `arn:rampart:iam::${STRANGER}:user/x`)]])
  for (const entry of entries) {
    const space = entry.indexOf(' ')
    const [type, text] = [entry.slice(0, space), entry.slice(space + 1)]
    const account = /^(?:arn:[a-z-]+:iam::)?([0-9]{12})(?::root)?$/.exec(text)?.[1]
    if (text === '*') continue
    if (account) callers.set(text, callerIn(account, `arn:rampart:iam::${account}:user/x`))
    else if (type === 'Service') callers.set(entry, { ...callerIn('', ''), service: text.toLowerCase() })
    else if (type === 'Federated') callers.set(entry, { ...callerIn('', ''), federated: text })
    else {
      for (const { members, witness } of classesOf([namePattern(text, () => 'anything')]).classes) {
        if (members.length > 0) callers.set(text, callerIn(witness.split(':')[4] ?? '', witness))
      }
    }
  }
  return [...callers].map(([name, caller]) => ({ name, caller }))
}

function callerIn(account: string, arn: string): Caller {
  return callerOf(account, [arn])
}
