import { Readable, Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import {
  baselineAcceptCommand,
  baselineListCommand,
  baselineOffersCommand,
  baselineShowCommand,
} from './baseline-tuning.ts'

const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() })
const io = { stdin: Readable.from([]), stdout: sink(), stderr: sink(), env: {} }

describe('the commands that tune baselines', () => {
  it.each([
    [baselineListCommand, ['beacon'], 'takes no names'],
    [baselineShowCommand, [], 'name one baseline'],
    [baselineOffersCommand, ['a', 'b'], 'name one alert'],
    [baselineAcceptCommand, ['a'], 'the number of an offer'],
  ])('say how they are used: $name', async (command, positionals, text) => {
    await expect(command.run({ positionals, values: {} }, io)).rejects.toThrow(text)
  })
})
