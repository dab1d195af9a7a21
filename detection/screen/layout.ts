import { Columns } from '../match/columns.ts'
import { NOT_ASCII } from '../match/fold.ts'
import { numberOf } from '../match/number.ts'
import type { Rarity } from '../match/rarity.ts'
import { type Literal, Trie } from '../match/trie.ts'
import type { NumberedWitness, Witness } from '../match/witness.ts'
import type { WitnessIndex } from '../match/witness-choice.ts'
import type { ScreenMemory } from './memory.ts'
import { laySieve } from './sieve.ts'

/** Columns of bytes: what is no character of ASCII stands in no literal. */
const BYTES = 256
/** What may stand in a number as it is written. */
const NUMERIC = /^[\d.e+-]+$/
const AT_START = 1
const AT_END = 2
const LITERAL_CHARS_MAX = 48
const STRETCH_CHARS_MAX = 16
/** Words of an automaton before its columns. */
const AUTOMATON_WORDS = 8

/** Where a plan lies, and its fields. */
export interface LaidPlan {
  readonly address: number
  readonly fields: readonly { readonly name: string; readonly address: number }[]
}

/** Puts what a plan looks for into the memory of a screen, field by field.
 * @param slotOf the slot of a field's name there
 * @param laid where lists of witnesses lie that are there already
 * @throws RangeError when there is no room */
export function layPlan(
  index: WitnessIndex,
  memory: ScreenMemory,
  slotOf: (name: string) => number,
  laid: WeakMap<readonly NumberedWitness[], number>,
  rarity: Rarity,
): LaidPlan {
  const fields = [...index.fields].map(([name, entries]) => ({
    name,
    slot: slotOf(name),
    address: layOnce(entries, laid, () => layField(entries, memory, rarity)),
  }))
  const slots = fields.reduce((most, { slot }) => Math.max(most, slot), 0) + 1
  const table = new Uint32Array(slots)
  for (const { slot, address } of fields) table[slot] = address
  const { anyField } = index
  const anyFieldAt = anyField && layOnce(anyField, laid, () => layAnyField(anyField, memory, rarity))
  const address = memory.putWords([
    0,
    slots,
    memory.putWords(table),
    anyFieldAt === undefined ? 0 : (memory.words[anyFieldAt / 4] as number),
    index.always.length > 0 ? 1 : 0,
    memory.allocate(4 * index.size),
    anyField?.some(({ witness }) => witness.kind === 'needle' && NUMERIC.test(witness.text)) ? 1 : 0,
    anyFieldAt === undefined ? 0 : (memory.words[anyFieldAt / 4 + 1] as number),
    ...layNumbers(anyField ?? [], isWide, memory),
  ])
  return { address, fields }
}

function layOnce(
  entries: readonly NumberedWitness[],
  laid: WeakMap<readonly NumberedWitness[], number>,
  lay: () => number,
): number {
  const known = laid.get(entries)
  if (known !== undefined) return known
  const address = lay()
  laid.set(entries, address)
  return address
}

/** Where the automaton and the sieve of what is looked for in all values lie. */
function layAnyField(entries: readonly NumberedWitness[], memory: ScreenMemory, rarity: Rarity): number {
  const needles = needlesOf(entries, false, rarity)
  const sieve = laySieve(
    needles.map(({ text }) => text),
    memory,
    rarity,
  )
  return memory.putWords([layAutomaton(needles, memory), sieve])
}

function layField(entries: readonly NumberedWitness[], memory: ScreenMemory, rarity: Rarity): number {
  const needles = needlesOf(entries, true, rarity)
  const isNumeric = entries.some(({ witness }) => witness.kind === 'value' && numberOf(witness.key) !== undefined)
  return memory.putWords([
    0,
    ...layNumbers(entries, ({ kind }) => kind === 'presence', memory),
    isNumeric ? 1 : 0,
    needles.length === 0 ? 0 : layAutomaton(needles, memory),
    ...layNumbers(entries, isWide, memory),
    ...layNumbers(entries, (witness) => witness.kind !== 'presence' && textOf(witness) === '', memory),
  ])
}

/** How many of the witnesses are such, and where their numbers lie. */
function layNumbers(
  entries: readonly NumberedWitness[],
  wanted: (witness: Witness) => boolean,
  memory: ScreenMemory,
): readonly [count: number, address: number] {
  const numbers = entries.filter(({ witness }) => wanted(witness)).map(({ number }) => number)
  return [numbers.length, numbers.length === 0 ? 0 : memory.putWords(numbers)]
}

interface Needle {
  readonly number: number
  readonly text: string
  readonly atStart: boolean
  readonly atEnd: boolean
}

/** What of witnesses can be looked for byte by byte: it may bring up too much, never too little.
 * @param anchored whether to heed where a text has to stand */
function needlesOf(entries: readonly NumberedWitness[], anchored: boolean, rarity: Rarity): readonly Needle[] {
  return entries.flatMap(({ witness, number }) => {
    if (witness.kind === 'presence' || isWide(witness) || textOf(witness) === '') return []
    const text = textOf(witness)
    const stretch = asciiStretch(text)
    const { atStart, atEnd } = witness.kind === 'value' ? { atStart: true, atEnd: true } : witness
    if (stretch !== text || !anchored || !(atStart || atEnd))
      return [{ number, text: rareStretch(stretch, rarity), atStart: false, atEnd: false }]
    if (text.length <= LITERAL_CHARS_MAX) return [{ number, text, atStart, atEnd }]
    // Paths begin alike.
    if (atEnd) return [{ number, text: text.slice(-LITERAL_CHARS_MAX), atStart: false, atEnd }]
    return [{ number, text: text.slice(0, LITERAL_CHARS_MAX), atStart, atEnd }]
  })
}

/** So much of a literal around its rarest characters that more would hardly make it rarer. */
function rareStretch(literal: string, rarity: Rarity): string {
  if (literal.length <= STRETCH_CHARS_MAX) return literal
  const { text } = rarity.rarestWindow(literal)
  const from = Math.max(0, Math.min(literal.indexOf(text) - text.length / 2, literal.length - STRETCH_CHARS_MAX))
  return literal.slice(from, from + STRETCH_CHARS_MAX)
}

/** Empty for a field that only has to be there. */
function textOf(witness: Witness): string {
  return witness.kind === 'presence' ? '' : witness.kind === 'value' ? witness.key : witness.text
}

/** Nothing of it is ASCII: what can be seen of it is that the text has characters beyond. */
function isWide(witness: Witness): boolean {
  const text = textOf(witness)
  return text !== '' && asciiStretch(text) === ''
}

/** The longest stretch of characters of ASCII. */
function asciiStretch(text: string): string {
  if (!NOT_ASCII.test(text)) return text
  let best = ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
  for (const [stretch] of text.matchAll(/[\u0000-\u007f]+/g)) if (stretch.length > best.length) best = stretch
  return best
}

function layAutomaton(needles: readonly Needle[], memory: ScreenMemory): number {
  const literals: Literal[] = needles.map(({ text }, target) => ({ text, target }))
  const columns = new Columns(literals.map(({ text }) => text))
  const trie = new Trie(literals, columns)
  const outputs = new Uint32Array(trie.size)
  const lists: number[] = []
  for (let state = 0; state < trie.size; state++) {
    const targets = trie.outputs[state]
    if (!targets) continue
    outputs[state] = 4 * lists.length
    lists.push(targets.length)
    for (const target of targets) {
      const { number, text, atStart, atEnd } = needles[target] as Needle
      lists.push(number, (text.length << 2) | (atStart ? AT_START : 0) | (atEnd ? AT_END : 0))
    }
  }
  const listsAt = memory.putWords(lists)
  for (let state = 0; state < trie.size; state++)
    if (trie.outputs[state]) outputs[state] = (outputs[state] as number) + listsAt
  const firstChild = memory.putWords(trie.firstChild.subarray(0, trie.size))
  const nextSibling = memory.putWords(trie.nextSibling.subarray(0, trie.size))
  const column = memory.putBytes(Uint8Array.from(trie.column.subarray(0, trie.size)))
  const fail = memory.putWords(trie.fail.subarray(0, trie.size))
  const outputsAt = memory.putWords(outputs)
  const rows = memory.allocate(4 * trie.size)
  const automaton = memory.allocate(4 * AUTOMATON_WORDS + BYTES)
  memory.words.set([columns.count, 0, firstChild, nextSibling, column, fail, outputsAt, rows], automaton / 4)
  memory.bytes.set(columns.ascii, automaton + 4 * AUTOMATON_WORDS)
  if (memory.program.begin(automaton) === 0) throw new RangeError('the line screen has no room')
  return automaton
}
