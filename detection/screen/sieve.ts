import type { Rarity } from '../match/rarity.ts'
import type { ScreenMemory } from './memory.ts'

const FOUR = 4
const GROUPS = 8
const HALVES_BYTES = 96
const BYTES = 256
/** What JSON may write in another way than as it is; what is beyond ASCII is left out, too. */
const PLAIN = /^[\u0020-\u007e]+$/
const WRITTEN_OTHERWISE = /["\\/]/

/** Puts a table into memory that tells of most lines at once that none of some literals stands in them: four characters in a
 * row of each, as rare as may be. 0 where a literal has no such four.
 * @param literals folded
 * @throws RangeError when there is no room */
export function laySieve(literals: readonly string[], memory: ScreenMemory, rarity: Rarity): number {
  const fours = new Set<string>()
  for (const literal of literals) {
    const four = fourOf(literal, rarity)
    if (four === undefined) return 0
    fours.add(four)
  }
  const halves = new Uint8Array(HALVES_BYTES)
  // Those that begin alike share a group, so that groups say more.
  for (const [index, four] of [...fours].sort().entries()) {
    const group = 1 << Math.floor((index * GROUPS) / fours.size)
    for (let place = 0; place < 3; place++) {
      for (const code of writings(four.charCodeAt(place))) {
        const low = 32 * place + (code & 15)
        const high = 32 * place + 16 + (code >> 4)
        halves[low] = (halves[low] as number) | group
        halves[high] = (halves[high] as number) | group
      }
    }
  }
  const fold = Uint8Array.from({ length: BYTES }, (_, code) => (code >= 65 && code <= 90 ? code + 32 : code))
  const size = 2 ** Math.ceil(Math.log2(4 * fours.size + 1))
  const table = new Uint32Array(size)
  for (const four of fours) {
    const word = Buffer.from(four, 'latin1').readUInt32LE()
    let index = hashOfFour(word) & (size - 1)
    while (table[index] !== 0) index = (index + 1) & (size - 1)
    table[index] = word
  }
  const sieve = memory.allocate(HALVES_BYTES + BYTES + 4 + table.byteLength)
  memory.bytes.set(halves, sieve)
  memory.bytes.set(fold, sieve + HALVES_BYTES)
  memory.words.set([size - 1, ...table], (sieve + HALVES_BYTES + BYTES) / 4)
  return sieve
}

function fourOf(literal: string, rarity: Rarity): string | undefined {
  let best: string | undefined
  let bestCost = Number.POSITIVE_INFINITY
  for (let at = 0; at + FOUR <= literal.length; at++) {
    const four = literal.slice(at, at + FOUR)
    if (!PLAIN.test(four) || WRITTEN_OTHERWISE.test(four)) continue
    const { cost } = rarity.rarestWindow(four)
    if (cost >= bestCost) continue
    best = four
    bestCost = cost
  }
  return best
}

function writings(code: number): readonly number[] {
  return code >= 97 && code <= 122 ? [code, code - 32] : [code]
}

/** @see assembly/screen.ts, which has the same */
function hashOfFour(four: number): number {
  return Math.imul(four, 0x9e3779b1) >>> 16
}
