import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QuietestOut, REGULAR_AFTER_MS } from '../blocks/quietest-out.ts'
import { tableOf, wholeOf } from '../blocks/savable.ts'
import { GradualSave, readSaved } from './gradual-save.ts'

const readHead = (json: unknown) => json as { readonly samples: number }
const savable = (map: QuietestOut<{ count: number }>) => ({
  rest: { seed: 7 },
  tables: { counts: tableOf(map, (value) => value) },
})
const saving = (map: QuietestOut<{ count: number }>) => new GradualSave({ samples: 3 }, savable(map))

describe('GradualSave', () => {
  it('holds what there was when it began, in the order of use, whatever is used, added and dropped meanwhile', () => {
    const keys = fc.constantFrom(...'abcdefghij')
    fc.assert(
      fc.property(
        fc.array(keys, { maxLength: 30 }),
        fc.array(fc.option(keys), { maxLength: 60 }),
        (before, meanwhile) => {
          const map = new QuietestOut<{ count: number }>(6)
          // Some become regulars, before and meanwhile.
          let now = 0
          const use = (key: string) => {
            now += REGULAR_AFTER_MS / 3
            map.use(key, () => ({ count: 0 }), now).count += 1
          }
          for (const key of before) use(key)
          const then = JSON.parse(JSON.stringify(wholeOf(savable(map)))) as { counts: unknown[] }
          const save = saving(map)
          let bytes: Uint8Array | undefined
          // Nothing stands for a turn of the save.
          for (const key of meanwhile) {
            if (key === null) bytes ??= save.step(1).bytes
            else use(key)
          }
          while (!bytes) bytes = save.step(1).bytes
          const { head, model } = readSaved(bytes, readHead)
          expect(head).toEqual({ samples: 3 })
          expect(model).toEqual(then.counts.length > 0 ? then : { seed: 7 })
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
