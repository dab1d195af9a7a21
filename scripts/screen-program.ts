import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main } from 'assemblyscript/asc'

// Makes detection/screen/line-screen.wasm of its source; with --check, says whether the one that is there is made of it.

const root = fileURLToPath(new URL('../', import.meta.url))
const source = 'detection/screen/assembly/screen.ts'
const program = 'detection/screen/line-screen.wasm'
/** As large as `SCREEN_BYTES_MAX`, in pages of 64 KiB: the memory does not grow. */
const PAGES = '4096'

if (process.argv.includes('--check')) {
  const folder = await mkdtemp(join(tmpdir(), 'rampart-screen-'))
  try {
    await make(join(folder, 'made.wasm'))
    const [made, there] = await Promise.all([readFile(join(folder, 'made.wasm')), readFile(join(root, program))])
    if (!made.equals(there)) {
      console.error(`${program} is not what ${source} makes: run \`npm run wasm\``)
      process.exitCode = 1
    }
  } finally {
    await rm(folder, { recursive: true })
  }
} else {
  await make(join(root, program))
}

async function make(into: string): Promise<void> {
  const { error, stderr } = await main([
    source,
    ...['--baseDir', root, '--outFile', into, '-O3', '--runtime', 'stub', '--noAssert', '--enable', 'simd'],
    ...['--importMemory', '--initialMemory', PAGES, '--maximumMemory', PAGES],
  ])
  if (error) throw new Error(`${source} cannot be made:\n${stderr.toString()}`, { cause: error })
}
