import { POLICY_BYTES_MAX, POLICY_DEPTH_MAX } from '../limits.ts'
import { PolicySyntaxError } from './problem.ts'

/** A JSON value that knows where it stands: offsets in UTF-16 units, `end` exclusive. */
export type JsonNode =
  | ({ readonly kind: 'object'; readonly members: readonly JsonMember[] } & Span)
  | ({ readonly kind: 'array'; readonly items: readonly JsonNode[] } & Span)
  | ({ readonly kind: 'string'; readonly value: string } & Span)
  | ({ readonly kind: 'number'; readonly text: string } & Span)
  | ({ readonly kind: 'boolean'; readonly value: boolean } & Span)
  | ({ readonly kind: 'null' } & Span)

export interface Span {
  readonly start: number
  readonly end: number
}

export interface JsonMember {
  readonly name: string
  readonly nameSpan: Span
  readonly value: JsonNode
}

/** The JSON in `text`, strictly: a duplicate member, a lone surrogate or anything RFC 8259 does not allow is an error
 * with its place. JSON.parse keeps the last of two members of one name, and whoever reviewed the first was deceived.
 * @throws PolicySyntaxError */
export function parseJson(text: string): JsonNode {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) {
    throw new PolicySyntaxError(0, `the document is larger than ${POLICY_BYTES_MAX} bytes`)
  }
  return new Reader(text).document()
}

/** JSON in which policy documents stand: as deep as one, and as many levels as stand `around` it.
 * @throws PolicySyntaxError */
export function readJson(text: string, around: number): JsonNode {
  return new Reader(text, around).document()
}

/** The text of member `name` of the JSON object in `text`, exactly as it was sent: what JSON.parse would make of it
 * hides duplicate members. undefined where there is none. @throws PolicySyntaxError */
export function memberText(text: string, name: string): string | undefined {
  const root = readJson(text, 1)
  const member = root.kind === 'object' ? root.members.find((one) => one.name === name) : undefined
  return member && text.slice(member.value.start, member.value.end)
}

/** Characters of `text` that are not white space between tokens: what size limits count. */
export function significantLength(text: string): number {
  let count = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      count++
      if (c === 0x5c) {
        count++
        i++
      } else if (c === 0x22) inString = false
    } else if (!isSpace(c)) {
      count++
      if (c === 0x22) inString = true
    }
  }
  return count
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

class Reader {
  readonly #text: string
  readonly #depthMax: number
  #at = 0

  /** @param around levels that stand around the document itself */
  constructor(text: string, around = 0) {
    this.#text = text
    this.#depthMax = POLICY_DEPTH_MAX + around
  }

  document(): JsonNode {
    const node = this.#value(1)
    this.#space()
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the document')
    return node
  }

  #value(depth: number): JsonNode {
    this.#space()
    if (depth > this.#depthMax) throw this.#error(`nested deeper than ${this.#depthMax} levels`)
    const start = this.#at
    switch (this.#text[start]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return { kind: 'string', value: this.#string(), start, end: this.#at }
      case 't':
        return { kind: 'boolean', value: true, start, end: this.#word('true') }
      case 'f':
        return { kind: 'boolean', value: false, start, end: this.#word('false') }
      case 'n':
        return { kind: 'null', start, end: this.#word('null') }
      default:
        return this.#number()
    }
  }

  #object(depth: number): JsonNode {
    const start = this.#at
    const members: JsonMember[] = []
    const names = new Set<string>()
    this.#at++
    this.#space()
    if (this.#take('}')) return { kind: 'object', members, start, end: this.#at }
    do {
      this.#space()
      const nameStart = this.#at
      if (this.#text[this.#at] !== '"') throw this.#unexpected('a member name in double quotes')
      const name = this.#string()
      const nameSpan = { start: nameStart, end: this.#at }
      if (names.has(name)) throw new PolicySyntaxError(nameStart, `member \`${name}\` appears twice`)
      names.add(name)
      this.#space()
      if (!this.#take(':')) throw this.#unexpected('`:`')
      members.push({ name, nameSpan, value: this.#value(depth + 1) })
      this.#space()
    } while (this.#take(','))
    if (!this.#take('}')) throw this.#unexpected('`,` or `}`')
    return { kind: 'object', members, start, end: this.#at }
  }

  #array(depth: number): JsonNode {
    const start = this.#at
    const items: JsonNode[] = []
    this.#at++
    this.#space()
    if (this.#take(']')) return { kind: 'array', items, start, end: this.#at }
    do {
      items.push(this.#value(depth + 1))
      this.#space()
    } while (this.#take(','))
    if (!this.#take(']')) throw this.#unexpected('`,` or `]`')
    return { kind: 'array', items, start, end: this.#at }
  }

  #string(): string {
    const start = this.#at
    this.#at++
    let value = ''
    let from = this.#at
    for (;;) {
      const c = this.#text.charCodeAt(this.#at)
      if (Number.isNaN(c)) throw new PolicySyntaxError(start, 'the string that starts here has no end')
      if (c === 0x22) break
      if (c < 0x20) throw this.#error('a control character in a string must be escaped')
      if (c === 0x5c) {
        value += this.#text.slice(from, this.#at) + this.#escape()
        from = this.#at
      } else this.#at++
    }
    value += this.#text.slice(from, this.#at)
    this.#at++
    if (!value.isWellFormed()) throw new PolicySyntaxError(start, 'this string holds half of a surrogate pair')
    return value
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1]
    if (letter === 'u') {
      const hex = this.#text.slice(this.#at + 2, this.#at + 6)
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw this.#error('`\\u` is followed by four hexadecimal digits')
      this.#at += 6
      return String.fromCharCode(Number.parseInt(hex, 16))
    }
    const plain = letter === undefined ? undefined : ESCAPES.get(letter)
    if (plain === undefined) throw this.#error('JSON has no such escape')
    this.#at += 2
    return plain
  }

  #number(): JsonNode {
    const start = this.#at
    NUMBER.lastIndex = start
    const found = NUMBER.exec(this.#text)
    if (!found) throw this.#unexpected('a value')
    this.#at += found[0].length
    return { kind: 'number', text: found[0], start, end: this.#at }
  }

  #word(word: string): number {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected('a value')
    this.#at += word.length
    return this.#at
  }

  #take(c: string): boolean {
    if (this.#text[this.#at] !== c) return false
    this.#at++
    return true
  }

  #space(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++
  }

  #unexpected(wanted: string): PolicySyntaxError {
    const found = this.#text.codePointAt(this.#at)
    const seen = found === undefined ? 'the end' : `\`${String.fromCodePoint(found)}\``
    return this.#error(`expected ${wanted}, found ${seen}`)
  }

  #error(message: string): PolicySyntaxError {
    return new PolicySyntaxError(this.#at, message)
  }
}

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09
}
