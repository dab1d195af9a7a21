import type { JsonObject, JsonValue } from '../../../pipeline/index.ts'
import { EVTX_DEPTH_MAX } from '../../limits.ts'
import type { BinXml, Element, Piece } from './bin-xml.ts'
import { type Budget, DamagedEvent } from './bytes.ts'
import { BIN_XML, NULL, type RawValue, readValue } from './values.ts'

/** An event as JSON, in the shape that `evtx_dump` and its kin write: an element is a member, its attributes below
 * `#attributes` and its value below `#text` where it has both, `<Data Name="X">` the member X. */
export class EventWriter {
  readonly #chunk: Buffer
  readonly #xml: BinXml
  readonly #budget: Budget
  /** The numbers given to names that an object has more than once. */
  readonly #used = new WeakMap<object, Map<string, number>>()

  constructor(chunk: Buffer, xml: BinXml, budget: Budget) {
    this.#chunk = chunk
    this.#xml = xml
    this.#budget = budget
  }

  /** @throws DamagedEvent */
  write(pieces: readonly Piece[]): JsonObject {
    const event: Record<string, JsonValue> = {}
    this.#fill(event, [], pieces, [], 0)
    if (event.Event === undefined) throw new DamagedEvent('no element `Event`')
    return event
  }

  /** Puts the elements among the pieces into `object`, and what else they hold into `texts`.
   * @param values what places stand for */
  #fill(
    object: Record<string, JsonValue>,
    texts: JsonValue[],
    pieces: readonly Piece[],
    values: readonly RawValue[],
    depth: number,
  ): void {
    if (depth > EVTX_DEPTH_MAX) throw new DamagedEvent(`nested more than ${EVTX_DEPTH_MAX} levels deep`)
    for (const piece of pieces) {
      switch (piece.kind) {
        case 'text':
          this.#budget.take(piece.text.length)
          texts.push(piece.text)
          break
        case 'element':
          this.#budget.take()
          this.#element(object, piece.element, values, depth)
          break
        case 'instance':
          this.#budget.take()
          this.#fill(object, texts, piece.instance.template, piece.instance.values, depth + 1)
          break
        case 'place': {
          const value = values[piece.place]
          this.#budget.take(value?.length)
          if (!value || value.type === NULL) break
          if (value.type !== BIN_XML) texts.push(readValue(this.#chunk, value))
          else this.#fill(object, texts, this.#xml.read(value.at, value.at + value.length, depth + 1), [], depth + 1)
        }
      }
    }
  }

  #element(parent: Record<string, JsonValue>, element: Element, values: readonly RawValue[], depth: number): void {
    const { dependsOn, name } = element
    if (dependsOn !== undefined && (values[dependsOn]?.type ?? NULL) === NULL) return
    const attributes = this.#attributes(element, values, depth)
    const members: Record<string, JsonValue> = {}
    const texts: JsonValue[] = []
    this.#fill(members, texts, element.pieces, values, depth + 1)
    const text = joined(texts)
    if (name === 'Data') this.#putData(parent, attributes?.Name, text ?? '')
    else if (!attributes && isEmpty(members)) this.#put(parent, name, text)
    else {
      this.#put(parent, name, {
        ...(attributes ? { '#attributes': attributes } : {}),
        ...(text === null ? {} : { '#text': text }),
        ...members,
      })
    }
  }

  /** Undefined where none has a value. */
  #attributes(element: Element, values: readonly RawValue[], depth: number): JsonObject | undefined {
    let attributes: Record<string, JsonValue> | undefined
    for (const [name, pieces] of element.attributes) {
      const texts: JsonValue[] = []
      this.#fill({}, texts, pieces, values, depth + 1)
      const value = joined(texts)
      if (value === null) continue
      attributes ??= {}
      this.#put(attributes, name, value)
    }
    return attributes
  }

  /** `<Data Name="X">` by its name, the others in a list. */
  #putData(parent: Record<string, JsonValue>, name: JsonValue | undefined, text: JsonValue): void {
    const { Data: list } = parent
    if (typeof name === 'string' && name !== '') this.#put(parent, name, text)
    else if (!isList(list)) this.#put(parent, 'Data', { '#text': text })
    else {
      const known = list['#text']
      const items = (Array.isArray(known) ? known : [known]) as JsonValue[]
      for (const each of Array.isArray(text) ? text : [text]) items.push(each)
      list['#text'] = items
    }
  }

  /** Under the name, or under the name with a number where another has it. */
  #put(object: Record<string, JsonValue>, name: string, value: JsonValue): void {
    let key = name
    if (Object.hasOwn(object, key)) {
      const used = this.#used.get(object) ?? new Map<string, number>()
      this.#used.set(object, used)
      let number = used.get(name) ?? 0
      do key = `${name}_${++number}`
      while (Object.hasOwn(object, key))
      used.set(name, number)
    }
    if (key !== '__proto__') object[key] = value
    else Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  }
}

function isList(value: JsonValue | undefined): value is { '#text': JsonValue } {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, '#text')
}

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}

/** One value as it is, several as one text; null where there is none. */
function joined(values: readonly JsonValue[]): JsonValue {
  if (values.length <= 1) return values[0] ?? null
  return values.map((value) => (Array.isArray(value) ? value.join(',') : value === null ? '' : String(value))).join('')
}
