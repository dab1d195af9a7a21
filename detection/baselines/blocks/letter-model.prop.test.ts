import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LetterModel } from './letter-model.ts'

const words = fc.array(fc.string({ maxLength: 20 }), { maxLength: 20 })

describe('LetterModel', () => {
  it('gives a proper probability: the letters that may follow add up to one', () => {
    const alphabet = [...'abcdefghijklmnopqrstuvwxyz0123456789-', '?']
    fc.assert(
      fc.property(words, fc.string({ maxLength: 3 }), (learned, prefix) => {
        const model = new LetterModel()
        for (const word of learned) model.learn(word)
        // Over the words that continue the prefix by one letter and end, with the chance of each given back.
        const chance = (word: string) => Math.exp(-model.surprise(word) * ([...word].length + 1))
        const ends = chance(prefix)
        const onward = alphabet.reduce((sum, letter) => {
          const whole = chance(prefix + letter)
          return sum + whole
        }, 0)
        expect(ends).toBeGreaterThan(0)
        expect(ends + onward).toBeLessThanOrEqual(1 + 1e-9)
      }),
      { numRuns: 50 },
    )
  })

  it('finds a word it learned more likely than before, and is the same after saving and loading', () => {
    fc.assert(
      fc.property(words, fc.string({ minLength: 1, maxLength: 20 }), (learned, word) => {
        const model = new LetterModel()
        for (const one of learned) model.learn(one)
        const before = model.surprise(word)
        for (let i = 0; i < 30; i++) model.learn(word)
        expect(model.surprise(word)).toBeLessThan(before + 1e-12)
        expect(new LetterModel(JSON.parse(JSON.stringify(model.save()))).surprise(word)).toBe(model.surprise(word))
      }),
      { numRuns: 50 },
    )
  })

  it('holds no more than its alphabet allows, whatever it is fed', () => {
    const model = new LetterModel()
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 63 }), (word) => {
        model.learn(word)
        for (const [gram] of model.save().counts) expect(gram).toMatch(/^[a-z0-9?^-]{0,2}>[a-z0-9?$-]?$/)
      }),
      { numRuns: 50 },
    )
  })
})
