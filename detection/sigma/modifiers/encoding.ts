import { literalOf, placeholderIn } from '../pattern.ts'
import { nameOfValue, type Value, type ValueModifier } from '../value.ts'

/** `base64`, `base64offset`, `utf16le` = `wide`, `utf16be`, `utf16`.   @see Sigma modifiers appendix, encoding */
export const encodingModifiers: Readonly<Record<string, ValueModifier>> = {
  base64: encode('base64', (bytes) => text(bytes.toString('base64'))),
  base64offset: encode('base64offset', (bytes) => {
    const variants = [0, 1, 2].map((shift) => stableBase64(bytes, shift))
    if (variants.includes('')) return 'needs a longer text; nothing of this one is the same at every offset'
    return { kind: 'anyOf', values: variants.map(text) }
  }),
  wide: encode('wide', utf16le),
  utf16le: encode('utf16le', utf16le),
  utf16be: encode('utf16be', (bytes) => ({
    kind: 'bytes',
    bytes: Buffer.from(bytes.toString('utf8'), 'utf16le').swap16(),
  })),
  utf16: encode('utf16', (bytes) => ({
    kind: 'bytes',
    bytes: Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(bytes.toString('utf8'), 'utf16le')]),
  })),
}

const text = (literal: string): Value => ({ kind: 'text', pattern: [literal], cased: false })

function utf16le(bytes: Buffer): Value {
  return { kind: 'bytes', bytes: Buffer.from(bytes.toString('utf8'), 'utf16le') }
}

function encode(name: string, to: (bytes: Buffer) => Value | string): ValueModifier {
  return (value) => {
    if (value.kind === 'bytes') return to(value.bytes)
    if (value.kind === 'number') return to(Buffer.from(value.text))
    if (value.kind !== 'text') return `works on texts, not on ${nameOfValue(value)}`
    const literal = literalOf(value.pattern)
    const placeholder = placeholderIn(value.pattern)
    if (placeholder !== undefined) {
      return `cannot encode the placeholder %${placeholder}%, which has no values here; give it some`
    }
    if (literal === undefined) {
      return 'cannot encode a text with wildcards; escape them, and put `contains` after the encoding'
    }
    if (literal === '') return `has nothing to encode; \`${name}\` needs a text`
    return to(Buffer.from(literal))
  }
}

/** The part of the Base64 form that does not change with what stands before and after, when the text begins `shift`
 * bytes into a group of three. */
function stableBase64(bytes: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift, ' '), bytes]).toString('base64')
  const start = shift === 0 ? 0 : shift + 1
  const over = (bytes.length + shift) % 3
  return encoded.slice(start, over === 0 ? undefined : over === 1 ? -3 : -2)
}
