// Runs what the documentation tells people to type: `node scripts/run-docs.ts`, or only that of some pages:
// `node scripts/run-docs.ts docs/rules.md`.
//
// In README.md and docs/*.md, a fenced block `sh run` is run and must exit with 0; `sh service` is started and left
// running until the page is done, then must stop cleanly on SIGTERM; a block `text output` after a `sh run` is what it
// promises to print: its lines in this order, `…` standing for anything. The blocks of a page run in order, in one bash
// (a variable set in one is there in the next) and one working folder that looks like a fresh checkout. GitHub and
// others show such blocks as they show `sh` and `text`.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Block, findBlocks, promiseProblem } from './run-docs/blocks.ts'
import { Shell } from './run-docs/shell.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000
/** What a checkout does not hold. */
const NOT_IN_CHECKOUT = new Set(['data', '.git', '.engines'])

let ran = 0
let failed = 0
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => join('docs', name))]
const asked = process.argv.slice(2)
for (const page of asked.length > 0 ? asked : pages) {
  if (!page.endsWith('.md') || !existsSync(join(root, page))) continue
  const blocks = findBlocks(readFileSync(join(root, page), 'utf8'))
  if (blocks.length > 0) await runPage(page, blocks)
}
console.log(`docs: ${ran} blocks ran, ${failed} failed`)
process.exitCode = failed === 0 && ran > 0 ? 0 : 1

async function runPage(page: string, blocks: readonly Block[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rampart-docs-'))
  for (const name of readdirSync(root))
    if (!NOT_IN_CHECKOUT.has(name)) symlinkSync(join(root, name), join(folder, name))
  const services: ChildProcess[] = []
  const shell = new Shell(folder)
  try {
    for (const block of blocks) {
      ran += 1
      const problem =
        block.kind === 'service' ? await startService(block, folder, services) : await runBlock(block, shell)
      console.log(`${problem === undefined ? 'ok  ' : 'FAIL'} ${page}:${block.line}`)
      if (problem === undefined) continue
      failed += 1
      console.error(problem)
      // What follows builds on it.
      break
    }
  } finally {
    shell.close()
    for (const service of services) await stopService(page, folder, service)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns what went wrong */
async function runBlock(block: Block, shell: Shell): Promise<string | undefined> {
  const { ok, stdout, stderr } = await shell.run(block.text)
  const problem = ok ? promiseProblem(block, stdout) : 'a command failed'
  return problem && `${problem}\n${block.text}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`
}

/** Started in a process group of its own, ready when it tells its ports. @returns what went wrong */
async function startService(block: Block, folder: string, services: ChildProcess[]): Promise<string | undefined> {
  const child = spawn('bash', ['-c', `exec ${block.text.trim()}`], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  services.push(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += String(chunk)
    })
  }
  const giveUpAt = performance.now() + START_TIMEOUT_MS
  while (performance.now() < giveUpAt && child.exitCode === null) {
    if (existsSync(join(folder, 'data', 'runtime.json'))) return undefined
    await delay(100)
  }
  return `the service did not become ready\n${block.text}\n--- said\n${said}`
}

/** A clean stop takes runtime.json away; what started the service (npm, a shell) may itself die of the signal. */
async function stopService(page: string, folder: string, service: ChildProcess): Promise<void> {
  if (service.exitCode !== null || service.pid === undefined) return
  const exit = once(service, 'exit')
  process.kill(-service.pid, 'SIGTERM')
  await exit
  const giveUpAt = performance.now() + STOP_TIMEOUT_MS
  while (existsSync(join(folder, 'data', 'runtime.json'))) {
    if (performance.now() > giveUpAt) {
      failed += 1
      console.error(`${page}: the service did not stop cleanly`)
      return
    }
    await delay(100)
  }
}
