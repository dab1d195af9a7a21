import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearest } from './nearest.ts'

const fields = ['CommandLine', 'ParentImage', 'Image', 'User', 'TargetFilename']

describe('the nearest word', () => {
  it.each([
    ['Comandline', 'CommandLine'],
    ['imgae', 'Image'],
    ['USER', 'User'],
    ['ParentImagee', 'ParentImage'],
    ['Imag', 'Image'],
  ])('of %s is %s', (word, expected) => {
    expect(nearest(word, fields)).toBe(expected)
  })

  it.each(['Quux', '', 'x', 'SomethingElseEntirely'])('of %j is none', (word) => {
    expect(nearest(word, fields)).toBeUndefined()
  })

  it('is the word itself where it is there', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1 }),
        fc.nat(),
        (words, pick) => {
          const word = words[pick % words.length] ?? ''
          expect(nearest(word, words)?.toLowerCase()).toBe(word.toLowerCase())
        },
      ),
    )
  })

  it('is found after any one slip', () => {
    const slips = (word: string, at: number, letter: string) => [
      word.slice(0, at) + word.slice(at + 1),
      word.slice(0, at) + letter + word.slice(at),
      word.slice(0, at) + letter + word.slice(at + 1),
      word.slice(0, at) + word.slice(at + 1, at + 2) + word.slice(at, at + 1) + word.slice(at + 2),
    ]
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.nat(), fc.constantFrom('q', 'z'), (word, pick, letter) => {
        for (const slip of slips(word, pick % word.length, letter)) expect(nearest(slip, fields), slip).toBe(word)
      }),
    )
  })

  it('is not looked for where the word is hostile', () => {
    expect(nearest('x'.repeat(1e6), fields)).toBeUndefined()
  })
})
