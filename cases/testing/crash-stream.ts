import type { IncomingFinding } from '../types.ts'
import { aFinding, START } from './builders.ts'

export const FINDINGS = 3000
export const CRASH_HOSTS = 5

/** The nth finding of the stream: the hosts take turns. */
export function crashFinding(index: number): IncomingFinding {
  return aFinding(`c${index}`, {
    time: START + index,
    recordIds: [`logs/0/${index}`],
    entities: { hosts: [`h${index % CRASH_HOSTS}`] },
  })
}
