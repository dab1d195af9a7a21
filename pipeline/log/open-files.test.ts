import { expect, test } from 'vitest'
import type { DiskFile } from './disk.ts'
import { OpenFiles } from './open-files.ts'

/** Files that only know whether they are open. */
function aShelf(filesMax: number) {
  const open = new Set<string>()
  const opened: string[] = []
  const files = new OpenFiles(filesMax, async (path) => {
    if (path === 'missing') throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
    expect(open.has(path)).toBe(false)
    open.add(path)
    opened.push(path)
    return fileThat(() => open.delete(path))
  })
  return { files, open, opened }
}

function fileThat(closes: () => void): DiskFile {
  const unused = (): never => {
    throw new Error('not used here')
  }
  return {
    writeDurably: unused,
    read: unused,
    sizeBytes: unused,
    truncate: unused,
    sync: unused,
    close: async () => closes(),
  }
}

const nothing = async (): Promise<void> => undefined

test('keeps the most recently used files open, and no more than its bound', async () => {
  const { files, open, opened } = aShelf(2)
  for (const path of ['a', 'b', 'a', 'c', 'a']) await files.with(path, nothing)
  expect(opened).toEqual(['a', 'b', 'c'])
  expect([...open]).toEqual(['a', 'c'])
  await files.closeAll()
  expect(open.size).toBe(0)
})

test('a file in use is closed only when its last user is done, even when it is forgotten or there are too many', async () => {
  const { files, open } = aShelf(1)
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const users = gates.map((gate) => files.with('a', () => gate.promise))
  await files.with('b', nothing)
  expect(open.has('a')).toBe(true)
  await files.forget('a')
  gates[0]!.resolve()
  await users[0]
  expect(open.has('a')).toBe(true)
  gates[1]!.resolve()
  await users[1]
  expect(open.has('a')).toBe(false)
  await files.with('a', nothing)
  await files.closeAll()
})

test('one that cannot be opened is tried again the next time', async () => {
  const { files } = aShelf(2)
  for (let tries = 0; tries < 2; tries++) {
    await expect(files.with('missing', nothing)).rejects.toMatchObject({ code: 'ENOENT' })
  }
  await files.closeAll()
})
