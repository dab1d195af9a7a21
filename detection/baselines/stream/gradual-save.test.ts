import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QuietestOut } from '../blocks/quietest-out.ts'
import { tableOf } from '../blocks/savable.ts'
import { GradualSave, readSaved } from './gradual-save.ts'

const readHead = (json: unknown) => json as { readonly samples: number }
const saving = (map: QuietestOut<{ count: number }>) =>
  new GradualSave({ samples: 3 }, { rest: { seed: 7 }, tables: { counts: tableOf(map, (value) => value) } })
const entriesOf = (map: QuietestOut<{ count: number }>) =>
  [...map.entries()].map(([key, { count }]) => [key, { count }] as const)

describe('GradualSave', () => {
  it('holds what there was when it began, in the order of use, whatever is used, added and dropped meanwhile', () => {
    const keys = fc.constantFrom(...'abcdefghij')
    fc.assert(
      fc.property(
        fc.array(keys, { maxLength: 30 }),
        fc.array(fc.option(keys), { maxLength: 60 }),
        (before, meanwhile) => {
          const map = new QuietestOut<{ count: number }>(6)
          for (const key of before) map.use(key, () => ({ count: 0 })).count += 1
          const then = entriesOf(map)
          const save = saving(map)
          let bytes: Uint8Array | undefined
          // Nothing stands for a turn of the save.
          for (const key of meanwhile) {
            if (key === null) bytes ??= save.step(1).bytes
            else map.use(key, () => ({ count: 0 })).count += 1
          }
          while (!bytes) bytes = save.step(1).bytes
          const { head, model } = readSaved(bytes, readHead)
          expect(head).toEqual({ samples: 3 })
          expect(model).toEqual({ seed: 7, ...(then.length > 0 ? { counts: then } : {}) })
        },
      ),
    )
  })

  it('writes no more in a turn than it may, and one entry', () => {
    const map = new QuietestOut<{ count: number }>(10_000)
    for (let i = 0; i < 5_000; i++) map.use(`a name of some length ${i}`, () => ({ count: i }))
    const save = saving(map)
    let turns = 1
    while (!save.step(10_000).bytes) turns += 1
    expect(turns).toBeGreaterThan(20)
  })

  it('refuses bytes that are something else', () => {
    expect(() => readSaved(Buffer.from('nothing of the kind'), readHead)).toThrowError(
      expect.objectContaining({ code: 'detection.state.unreadable' }),
    )
  })
})
