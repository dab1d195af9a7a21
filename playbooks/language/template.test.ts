import { describe, expect, it } from 'vitest'
import { splitTemplate, templateOf } from './template.ts'

const parse = (text: string) => {
  const { pieces, unclosed } = splitTemplate(text)
  return unclosed === undefined ? templateOf(text, pieces) : { unclosed }
}

describe('a text with ${{ }}', () => {
  it.each([
    ['plain', { kind: 'literal', value: 'plain' }],
    ['', { kind: 'literal', value: '' }],
    ['${{ a.b }}', { kind: 'expression', text: 'a.b' }],
    ['x ${{ a }} y', { kind: 'text', parts: [{ literal: 'x ' }, { expression: 'a' }, { literal: ' y' }] }],
    ['${{ a }}${{ b }}', { kind: 'text', parts: [{ expression: 'a' }, { expression: 'b' }] }],
    ['${{ {"a": {"b": 1}} }}', { kind: 'expression', text: '{"a": {"b": 1}}' }],
    ['${{ "}}" + a }}', { kind: 'expression', text: '"}}" + a' }],
    ['${{ "\\"}}" }}', { kind: 'expression', text: '"\\"}}"' }],
    ['${{ r"\\" }}', { kind: 'expression', text: 'r"\\"' }],
    ['${ a }} $ {{', { kind: 'literal', value: '${ a }} $ {{' }],
    ['x ${{ a', { unclosed: 2 }],
    ['${{ "a }}', { unclosed: 0 }],
  ])('%s', (text, template) => {
    expect(parse(text)).toEqual(template)
  })
})
