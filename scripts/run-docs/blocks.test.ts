import { describe, expect, it } from 'vitest'
import { type Block, findBlocks, promiseProblem } from './blocks.ts'

const fence = '```'

describe('the blocks of a page', () => {
  it('are those that are marked, with what they promise', () => {
    const page = `# x\n${fence}sh\nnot run\n${fence}\n${fence}sh service\nnpm start\n${fence}\ntext\n${fence}sh run\ncurl a\ncurl b\n${fence}\n\n${fence}text output\nok\n${fence}\n`
    expect(findBlocks(page)).toEqual([
      { kind: 'service', line: 5, text: 'npm start' },
      { kind: 'run', line: 9, text: 'curl a\ncurl b', output: 'ok' },
    ])
  })

  it.each([`${fence}sh rum\nx\n${fence}\n`, `${fence}text output\nx\n${fence}\n`, `${fence}sh run\nx\n`])(
    '%j is refused rather than passed over',
    (page) => {
      expect(() => findBlocks(page)).toThrow(/^line 1: /)
    },
  )
})

describe('a promise', () => {
  const block = (output: string): Block => ({ kind: 'run', line: 1, text: '', output })

  it.each([
    ['a\nc', 'a\nb\nc\n'],
    ['{"accepted":1,…}', '{"accepted":1,"rejected":[]}'],
    ['…b…d', 'abcd'],
    ['', 'anything'],
  ])('%j is kept by %j', (promised, printed) => {
    expect(promiseProblem(block(promised), printed)).toBeUndefined()
  })

  it.each([
    ['c\na', 'a\nb\nc\n'],
    ['a', 'ab'],
    ['a…a', 'a'],
    ['…b…b', 'ab'],
  ])('%j is not kept by %j', (promised, printed) => {
    expect(promiseProblem(block(promised), printed)).toMatch(/^did not print/)
  })
})
