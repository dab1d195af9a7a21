import { clientOptions, signInAs } from './client.ts'
import type { Command } from './command.ts'

/** Prints an access token of the bootstrap user, for curl. */
export const tokenCommand: Command = {
  name: 'token',
  usage: 'token [--data-dir DIR]',
  options: { 'data-dir': clientOptions['data-dir'] },
  async run(args, io) {
    io.stdout.write(`${await signInAs(args.values)}\n`)
    return 0
  },
}
