import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sharedData } from '../test/support/requirements.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const root = fileURLToPath(new URL('../', import.meta.url))
const LOOK_EVERY_MS = 50

/** `rampart detect` as a whole process: all public Sigma rules over all recorded attacks, by one thread and by two. */
export async function run(report: Report, options: { readonly quick: boolean }): Promise<void> {
  const rules = sharedData('sigma')
  const logs = sharedData('attack-logs')
  if (!rules || !logs) return
  for (const jobs of options.quick ? [1] : [1, 2]) {
    const { said, peakMib } = await detect(['--rules', rules, '--jobs', String(jobs), logs])
    const figure = (pattern: RegExp) => Number(pattern.exec(said)?.[1]?.replaceAll(',', ''))
    const name = `all rules, all recorded attacks, ${jobs === 1 ? '1 thread' : `${jobs} threads`}`
    report({ case: `${name}`, value: figure(/: ([\d,]+) events\/s/), unit: 'events/s' })
    report({ case: `${name}, bytes`, value: figure(/events\/s, ([\d,.]+) MB\/s/), unit: 'MB/s' })
    report({ case: `${name}, resident memory`, value: peakMib, unit: 'MiB' })
    if (jobs === 1) report({ case: 'rules loaded in', value: figure(/loaded in ([\d.]+) s/), unit: 's' })
  }
}

async function detect(words: readonly string[]): Promise<{ said: string; peakMib: number }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'cli/main.ts', 'detect', ...words], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += String(chunk)
  })
  const closed = once(child, 'close')
  let peakMib = 0
  while (child.exitCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    peakMib = Math.max(peakMib, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
    await delay(LOOK_EVERY_MS)
  }
  const [code] = (await closed) as [number]
  if (code !== 0) throw new Error(`rampart detect left with ${code}:\n${said}`)
  return { said, peakMib }
}
