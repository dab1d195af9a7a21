import { EVTX_DEPTH_MAX } from '../../limits.ts'
import { type Budget, Cursor, DamagedEvent } from './bytes.ts'
import { type RawValue, STRING } from './values.ts'

/** A piece of what an element or an attribute holds. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  /** The value that an instance of the template has at this place. */
  | { readonly kind: 'place'; readonly place: number }
  | { readonly kind: 'element'; readonly element: Element }
  | { readonly kind: 'instance'; readonly instance: Instance }

export interface Element {
  readonly name: string
  /** Of the value without which it is left out. */
  readonly dependsOn: number | undefined
  readonly attributes: readonly (readonly [name: string, pieces: readonly Piece[]])[]
  readonly pieces: readonly Piece[]
}

/** A template and what it is filled with. */
export interface Instance {
  readonly template: readonly Piece[]
  readonly values: readonly RawValue[]
}

/** A name as it stands in a chunk, so many bytes long. */
interface Name {
  readonly text: string
  readonly length: number
}

const EOF = 0x00
const OPEN = 0x01
const CLOSE_START = 0x02
const CLOSE_EMPTY = 0x03
const CLOSE = 0x04
const VALUE = 0x05
const ATTRIBUTE = 0x06
const CDATA = 0x07
const CHARACTER = 0x08
const ENTITY = 0x09
const TARGET = 0x0a
const DATA = 0x0b
const INSTANCE = 0x0c
const PLACE = 0x0d
const OPTIONAL_PLACE = 0x0e
const FRAGMENT = 0x0f
/** More of the kind follow, or attributes do. */
const MORE = 0x40

const NO_DEPENDENCY = 0xffff
/** Of a name or a template, before what it says: the next one of the same hash. */
const NEXT_BYTES = 4
const HASH_BYTES = 2
/** Behind a name. */
const ZERO_BYTES = 2
const GUID_BYTES = 16
const FRAGMENT_BYTES = 3

const entities: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

/** The BinXml of one chunk: its templates and names stand once and are read once.
 * @see MS-EVEN6 2.2.12 (BinXml: tokens, templates, substitutions); names and templates by their place in the chunk are what
 * files have in place of what goes over a wire */
export class BinXml {
  readonly #chunk: Buffer
  readonly #budget: Budget
  readonly #names = new Map<number, Name>()
  readonly #templates = new Map<number, readonly Piece[]>()

  constructor(chunk: Buffer, budget: Budget) {
    this.#chunk = chunk
    this.#budget = budget
  }

  /** A fragment.   @throws DamagedEvent */
  read(at: number, end: number, depth = 0): readonly Piece[] {
    return this.#content(new Cursor(this.#chunk, at, end), { isTemplate: false, depth })
  }

  /** Up to where the element in hand ends, or the fragment. */
  #content(cursor: Cursor, within: { readonly isTemplate: boolean; readonly depth: number }): readonly Piece[] {
    const { depth } = within
    if (depth > EVTX_DEPTH_MAX) throw new DamagedEvent(`nested more than ${EVTX_DEPTH_MAX} levels deep`)
    const pieces: Piece[] = []
    while (cursor.at < cursor.end) {
      const token = cursor.u8()
      this.#budget.take()
      switch (token & ~MORE) {
        case EOF:
        case CLOSE:
          return pieces
        case FRAGMENT:
          cursor.skip(FRAGMENT_BYTES)
          break
        case OPEN:
          pieces.push({ kind: 'element', element: this.#element(cursor, token, within) })
          break
        case INSTANCE:
          pieces.push({ kind: 'instance', instance: this.#instance(cursor, depth) })
          break
        case TARGET:
          this.#name(cursor)
          break
        case DATA:
          cursor.chars(cursor.u16())
          break
        default:
          pieces.push(this.#piece(cursor, token))
      }
    }
    return pieces
  }

  /** What may also stand in an attribute. */
  #piece(cursor: Cursor, token: number): Piece {
    this.#budget.take()
    switch (token & ~MORE) {
      case VALUE:
        return this.#value(cursor)
      case CDATA:
        return { kind: 'text', text: cursor.chars(cursor.u16()) }
      case CHARACTER:
        return { kind: 'text', text: String.fromCharCode(cursor.u16()) }
      case ENTITY: {
        const name = this.#name(cursor)
        return { kind: 'text', text: entities.get(name) ?? `&${name};` }
      }
      case PLACE:
      case OPTIONAL_PLACE: {
        const place = cursor.u16()
        cursor.u8()
        return { kind: 'place', place }
      }
      default:
        throw new DamagedEvent(`no token is ${token}`)
    }
  }

  #value(cursor: Cursor): Piece {
    const type = cursor.u8()
    if (type !== STRING) throw new DamagedEvent(`a value of type ${type} that does not say how long it is`)
    return { kind: 'text', text: cursor.chars(cursor.u16()) }
  }

  #element(cursor: Cursor, token: number, within: { readonly isTemplate: boolean; readonly depth: number }): Element {
    const dependsOn = within.isTemplate ? cursor.u16() : NO_DEPENDENCY
    cursor.u32()
    const name = this.#name(cursor)
    const attributes = (token & MORE) === 0 ? [] : this.#attributes(cursor)
    const closing = cursor.u8()
    const isEmpty = closing === CLOSE_EMPTY
    if (!isEmpty && closing !== CLOSE_START) throw new DamagedEvent(`an element whose start ends with ${closing}`)
    return {
      ...{ name, attributes, dependsOn: dependsOn === NO_DEPENDENCY ? undefined : dependsOn },
      pieces: isEmpty ? [] : this.#content(cursor, { ...within, depth: within.depth + 1 }),
    }
  }

  #attributes(cursor: Cursor): Element['attributes'] {
    cursor.u32()
    const attributes: (readonly [string, readonly Piece[]])[] = []
    for (let kind = this.#peek(cursor); kind === ATTRIBUTE; kind = this.#peek(cursor)) {
      cursor.u8()
      const name = this.#name(cursor)
      const pieces: Piece[] = []
      for (let next = this.#peek(cursor); isContent(next); next = this.#peek(cursor)) {
        pieces.push(this.#piece(cursor, cursor.u8()))
      }
      attributes.push([name, pieces])
    }
    return attributes
  }

  #peek({ bytes, at, end }: Cursor): number {
    if (at >= end) throw new DamagedEvent('cut off')
    return (bytes[at] as number) & ~MORE
  }

  #name(cursor: Cursor): string {
    const at = cursor.u32()
    const name = this.#names.get(at) ?? this.#readName(at)
    // It stands where it is used first.
    if (at === cursor.at) cursor.skip(name.length)
    return name.text
  }

  #readName(at: number): Name {
    const cursor = new Cursor(this.#chunk, at)
    cursor.skip(NEXT_BYTES + HASH_BYTES)
    const chars = cursor.u16()
    this.#budget.take(chars)
    const text = cursor.chars(chars)
    cursor.skip(ZERO_BYTES)
    const name = { text, length: cursor.at - at }
    this.#names.set(at, name)
    return name
  }

  #instance(cursor: Cursor, depth: number): Instance {
    cursor.u8()
    cursor.u32()
    const at = cursor.u32()
    if (at === cursor.at) {
      cursor.skip(NEXT_BYTES + GUID_BYTES)
      cursor.skip(cursor.u32())
    }
    const count = cursor.u32()
    const heads = cursor.skip(4 * count)
    const values: RawValue[] = []
    for (let place = 0; place < count; place++) {
      this.#budget.take()
      const length = cursor.bytes.readUInt16LE(heads + 4 * place)
      values.push({ type: cursor.bytes[heads + 4 * place + 2] as number, at: cursor.skip(length), length })
    }
    return { template: this.#template(at, depth), values }
  }

  #template(at: number, depth: number): readonly Piece[] {
    const known = this.#templates.get(at)
    if (known) return known
    // A template within itself finds nothing.
    this.#templates.set(at, [])
    const cursor = new Cursor(this.#chunk, at)
    cursor.skip(NEXT_BYTES + GUID_BYTES)
    const length = cursor.u32()
    const from = cursor.skip(length)
    const template = this.#content(new Cursor(this.#chunk, from, from + length), { isTemplate: true, depth: depth + 1 })
    this.#templates.set(at, template)
    return template
  }
}

function isContent(kind: number): boolean {
  return kind === VALUE || (kind >= CDATA && kind <= ENTITY) || kind === PLACE || kind === OPTIONAL_PLACE
}
