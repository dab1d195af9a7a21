// Makes the reference pages from the code: `npm run docs`; with `--check` says which are stale and changes nothing.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pages } from './docs/pages.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const check = process.argv.includes('--check')
let stale = 0
for (const page of pages) {
  const file = join(root, page.path)
  const text = await page.make(root)
  if (text === current(file)) continue
  stale += 1
  console.error(`${page.path}: ${check ? 'stale; run `npm run docs`' : 'written'}`)
  if (check) continue
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
console.error(`docs: ${pages.length} pages made from the code, ${stale} ${check ? 'stale' : 'changed'}`)
process.exitCode = check && stale > 0 ? 1 : 0

function current(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
