import { readFile } from 'node:fs/promises'
import { defineErrors } from '../platform/base/index.ts'

export const cliError = defineErrors({
  'cli.input.malformed': { status: 422, title: 'Input not readable' },
  'cli.file.unreadable': { status: 404, title: 'File cannot be read' },
})

/** The text of a policy document. @throws cli.file.unreadable */
export async function readPolicyFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw cliError('cli.file.unreadable', `cannot read \`${file}\`: ${(error as Error).message}`, { cause: error })
  }
}
