import type { JsonObject, JsonValue } from '../../../pipeline/index.ts'
import { EVTX_DEPTH_MAX } from '../../limits.ts'
import type { BinXml, Element, Piece } from './bin-xml.ts'
import { type Budget, DamagedEvent } from './bytes.ts'
import { BIN_XML, NULL, type RawValue, readValue } from './values.ts'

/** Where pieces are filled in. */
interface Filling {
  readonly values: readonly RawValue[]
  readonly depth: number
}

/** An event as JSON, in the shape that `evtx_dump` and its kin write: an element is a member, its attributes below
 * `#attributes` and its value below `#text` where it has both, `<Data Name="X">` the member X. */
export class EventWriter {
  readonly #chunk: Buffer
  readonly #xml: BinXml
  readonly #budget: Budget

  constructor(chunk: Buffer, xml: BinXml, budget: Budget) {
    this.#chunk = chunk
    this.#xml = xml
    this.#budget = budget
  }

  /** @throws DamagedEvent */
  write(pieces: readonly Piece[]): JsonObject {
    const event: Record<string, JsonValue> = {}
    this.#fill(event, pieces, { values: [], depth: 0 })
    if (event.Event === undefined) throw new DamagedEvent('no element `Event`')
    return event
  }

  /** Puts the elements among the pieces into `object`. @returns the rest of them: what they hold beside elements */
  #fill(object: Record<string, JsonValue>, pieces: readonly Piece[], filling: Filling): JsonValue[] {
    const { values, depth } = filling
    if (depth > EVTX_DEPTH_MAX) throw new DamagedEvent(`nested more than ${EVTX_DEPTH_MAX} levels deep`)
    const texts: JsonValue[] = []
    for (const piece of pieces) {
      this.#budget.take(piece.kind === 'text' ? piece.text.length : 0)
      switch (piece.kind) {
        case 'text':
          texts.push(piece.text)
          break
        case 'element':
          this.#element(object, piece.element, filling)
          break
        case 'instance': {
          const { template, values: own } = piece.instance
          texts.push(...this.#fill(object, template, { values: own, depth: depth + 1 }))
          break
        }
        default: {
          const value = piece.kind === 'value' ? piece.value : values[piece.place]
          if (!value || value.type === NULL) break
          if (value.type === BIN_XML) {
            const inner = this.#xml.read(value.at, value.at + value.length, depth + 1)
            texts.push(...this.#fill(object, inner, { values: [], depth: depth + 1 }))
          } else {
            this.#budget.take(value.length)
            texts.push(readValue(this.#chunk, value))
          }
        }
      }
    }
    return texts
  }

  #element(parent: Record<string, JsonValue>, element: Element, filling: Filling): void {
    const { dependsOn, name } = element
    if (dependsOn !== undefined && (filling.values[dependsOn]?.type ?? NULL) === NULL) return
    const attributes: Record<string, JsonValue> = {}
    for (const [key, pieces] of element.attributes) {
      const value = joined(this.#fill({}, pieces, { ...filling, depth: filling.depth + 1 }))
      if (value !== null) put(attributes, key, value)
    }
    const members: Record<string, JsonValue> = {}
    const text = joined(this.#fill(members, element.pieces, { ...filling, depth: filling.depth + 1 }))
    const hasAttributes = Object.keys(attributes).length > 0
    if (name === 'Data') putData(parent, attributes.Name, text ?? '')
    else if (!hasAttributes && Object.keys(members).length === 0) put(parent, name, text)
    else {
      put(parent, name, {
        ...(hasAttributes ? { '#attributes': attributes } : {}),
        ...(text === null ? {} : { '#text': text }),
        ...members,
      })
    }
  }
}

/** `<Data Name="X">` by its name, the others in a list. */
function putData(parent: Record<string, JsonValue>, name: JsonValue | undefined, text: JsonValue): void {
  if (typeof name === 'string' && name !== '') put(parent, name, text)
  else if (isList(parent.Data)) parent.Data['#text'] = [parent.Data['#text'], text].flat()
  else put(parent, 'Data', { '#text': text })
}

function isList(value: JsonValue | undefined): value is { '#text': JsonValue } {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, '#text')
}

/** Under the name, or under the name with a number where another has it. */
function put(object: Record<string, JsonValue>, name: string, value: JsonValue): void {
  let key = name
  for (let number = 1; Object.hasOwn(object, key); number++) key = `${name}_${number}`
  if (key !== '__proto__') object[key] = value
  else Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
}

/** One value as it is, several as one text; null where there is none. */
function joined(values: readonly JsonValue[]): JsonValue {
  if (values.length <= 1) return values[0] ?? null
  return values.map((value) => (Array.isArray(value) ? value.join(',') : value === null ? '' : String(value))).join('')
}
