import type { ContextValue } from '../../platform/index.ts'
import type { KeyValues } from '../policy/text-pattern.ts'

/** What the platform knows of principals and resources, as it is for any request; all else a request tells. */
const SETTLED = new Set([
  'g:principalarn',
  'g:principalid',
  'g:principaltype',
  'g:principalaccount',
  'g:principalorgid',
  'g:principalorgpath',
  'g:principalcreatedat',
  'g:username',
  'g:userid',
  'g:domainname',
  'g:groups',
  'g:resourcearn',
  'g:resourceaccount',
  'g:resourceorgid',
  'g:resourceorgpath',
  'g:enterpriseprojectid',
])

/** Whether a key says the same in every request of a principal about a resource. */
export function isSettled(canonicalKey: string): boolean {
  return SETTLED.has(canonicalKey) || canonicalKey.startsWith('g:principaltag/')
}

const byRequest = { isOpen: (key: string) => !isSettled(key) }

/** The values of a decision of which some are not there yet: nobody has made the request. Says whether one of those was
 * asked for, and then what came of it is not decided. */
export class OpenKeys implements KeyValues {
  readonly #known: KeyValues
  readonly #stated: ReadonlySet<string>
  readonly #rule: { isOpen(key: string): boolean }
  #wasAsked = false

  /** @param stated canonical keys that whoever asks gave a value
   * @param rule which of the others are open */
  constructor(known: KeyValues, stated: ReadonlySet<string>, rule = byRequest) {
    this.#known = known
    this.#stated = stated
    this.#rule = rule
  }

  get(key: string, spelled?: string): ContextValue | undefined {
    if (this.isOpen(key)) {
      this.#wasAsked = true
      return undefined
    }
    return this.#known.get(key, spelled)
  }

  isOpen(key: string): boolean {
    if (this.#stated.has(key) || !this.#rule.isOpen(key)) return false
    // The time of day follows from the time.
    return !(key === 'g:timeofday' && this.#stated.has('g:currenttime'))
  }

  /** Whether an open value was asked for since the last time this was asked. */
  takeAsked(): boolean {
    const wasAsked = this.#wasAsked
    this.#wasAsked = false
    return wasAsked
  }
}
