import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { packRules } from '../../detection/offline/index.ts'
import { type Clock, printable } from '../../platform/base/index.ts'
import type { Client } from '../client.ts'
import type { Io } from '../command.ts'
import { openDoors, type SyslogPorts } from './doors.ts'
import { createScreen, type Screen } from './screen.ts'
import { createTeller, type Noise, type Part, readStory, type Scene, type Story } from './story.ts'
import { createWatch, type SeenAlert, type Sighting, type Watch } from './watch.ts'

const content = fileURLToPath(new URL('../../content/demo/', import.meta.url))
const rules = fileURLToPath(new URL('../../content/rules/', import.meta.url))

const LOOK_EVERY_MS = 250
const NOISE_EVERY_MS = 100
/** After the last scene: how long what is expected may take to show. */
const VERDICT_WAIT_MS = 60_000
const SCENE_PAUSE_MS = 1500

export interface DemoDeps {
  readonly client: Client
  readonly ports: SyslogPorts
  /** Where the playbooks' far side listens; stands in for the story's own address in the playbooks. */
  readonly receiver: string
  readonly clock: Clock
  readonly io: Io
  readonly signal: AbortSignal
}

/** Reads the demo's story. */
export const readDemoStory = (): Promise<Story> => readStory(join(content, 'story.yml'))

/** Plays the story through the front doors of the service and shows what comes of it.
 * @returns true if every alert and playbook run that the story expects was seen */
export async function playDemo(story: Story, deps: DemoDeps): Promise<boolean> {
  const screen = createScreen(deps.io)
  const playbookIds = await installContent(story, deps)
  const watch = createWatch(deps.client, playbookIds)
  const doors = await openDoors(deps.client, deps.ports)
  const tell = createTeller(story)
  const sendPart = async (part: Part) => {
    for (let round = 0; round < (part.repeat ?? 1); round += 1) {
      for (const line of part.lines) {
        await doors.send(part, [tell(line, deps.clock.now())])
        if (part.everyMs) await delay(part.everyMs)
      }
    }
  }
  const sendNoise = (noise: Noise) => {
    let owed = 0
    let next = 0
    return async () => {
      owed += (noise.perSecond * NOISE_EVERY_MS) / 1000
      const lines: string[] = []
      for (; owed >= 1; owed -= 1) {
        lines.push(tell(noise.lines[next % noise.lines.length] ?? '', deps.clock.now()))
        next += 1
      }
      if (lines.length > 0) await doors.send(noise, lines)
    }
  }

  screen.line(`\n${screen.paint('bold', story.title)}`)
  const ended = new AbortController()
  const signal = AbortSignal.any([deps.signal, ended.signal])
  const background = Promise.all([
    ...story.noise.map((noise) => every(NOISE_EVERY_MS, sendNoise(noise), signal)),
    every(LOOK_EVERY_MS, showLive(screen, watch, deps.clock), signal),
  ])
  // Told where it is awaited, below; until then an error must not end the process.
  background.catch(() => ended.abort())
  try {
    for (const scene of story.scenes) {
      if (deps.signal.aborted) break
      screen.line(`\n${screen.paint('bold', `▶ ${scene.title}`)}`)
      for (const part of scene.parts) await sendPart(part)
      await delay(SCENE_PAUSE_MS)
    }
    const giveUpAt = deps.clock.now() + VERDICT_WAIT_MS
    while (!deps.signal.aborted && missing(story, watch).length > 0 && deps.clock.now() < giveUpAt) {
      await delay(LOOK_EVERY_MS)
    }
  } finally {
    ended.abort()
    await background
    await doors.close()
  }
  const { eventCount } = await watch.look()
  screen.status('')
  return showVerdict(screen, story, watch, eventCount)
}

/** Puts the demo's pipes, rules and playbooks in place, as an author would. @returns the playbooks' ids */
async function installContent(story: Story, deps: DemoDeps): Promise<string[]> {
  const { client } = deps
  const base = `/v1/workspaces/${client.workspace}`
  for (const [pipe, body] of Object.entries(story.pipes)) {
    await client.call(`${base}/dataspaces/default/pipes/${pipe}`, { method: 'PUT', body })
  }
  await client.call(`${base}/rules:import`, { body: packRules(rules), contentType: 'application/gzip' })
  const playbookIds: string[] = []
  for (const text of await readTexts('playbooks')) {
    const id = yamlId(text)
    playbookIds.push(id)
    const body = text.replaceAll(story.receiver, deps.receiver)
    await client.call(`${base}/playbooks/${id}`, { method: 'PUT', body, contentType: 'application/yaml' })
  }
  return playbookIds
}

async function readTexts(folder: string): Promise<string[]> {
  const names = (await readdir(join(content, folder))).filter((name) => name.endsWith('.yml')).sort()
  return Promise.all(names.map((name) => readFile(join(content, folder, name), 'utf8')))
}

function yamlId(text: string): string {
  const id = /^id: (\S+)$/m.exec(text)?.[1]
  if (!id) throw new Error('a document of the demo has no id')
  return id
}

/** Calls `work` again and again until the signal; one that throws ends the loop with its error. */
async function every(periodMs: number, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work()
    await delay(periodMs)
  }
}

function showLive(screen: Screen, watch: Watch, clock: Clock): () => Promise<void> {
  let last: { at: number; eventCount: number } | undefined
  let rate = 0
  return async () => {
    const seen = await watch.look()
    const at = clock.now()
    if (last && at > last.at) rate = rate * 0.7 + 0.3 * (((seen.eventCount - last.eventCount) * 1000) / (at - last.at))
    last = { at, eventCount: seen.eventCount }
    showSighting(screen, seen)
    screen.status(
      screen.paint(
        'dim',
        `  ${seen.eventCount} events, ${rate.toFixed(0)} a second · ${watch.alerts.size} alerts · ${watch.runs.size} playbook runs`,
      ),
    )
  }
}

function showSighting(screen: Screen, seen: Sighting): void {
  for (const alert of seen.alerts) {
    const severity = screen.paint(alert.severity, alert.severity.padEnd(13))
    const techniques = alert.techniques.join(' ').padEnd(16)
    screen.line(
      `  ${severity} ${techniques} ${printable(alert.title)}  ${screen.paint('dim', printable(entityText(alert)))}`,
    )
  }
  for (const { run, id, status } of seen.steps) {
    const style = status === 'failed' ? 'bad' : status === 'succeeded' ? 'good' : 'dim'
    screen.line(`    ${screen.paint('dim', `playbook ${run.playbookId}`)} ▸ ${id} ${screen.paint(style, status)}`)
  }
  for (const run of seen.finished) {
    const style = run.status === 'succeeded' ? 'good' : 'bad'
    screen.line(`    ${screen.paint('dim', `playbook ${run.playbookId}`)} ${screen.paint(style, run.status)}`)
  }
}

function entityText(alert: SeenAlert): string {
  return Object.entries(alert.entities)
    .filter(([, values]) => values.length > 0)
    .map(
      ([kind, values]) =>
        `${kind}: ${values.slice(0, 3).join(', ')}${values.length > 3 ? ` +${values.length - 3}` : ''}`,
    )
    .join(' · ')
}

function missing(story: Story, watch: Watch): string[] {
  return story.scenes.flatMap((scene) => sceneMissing(scene, watch))
}

function sceneMissing(scene: Scene, watch: Watch): string[] {
  const rules = new Set([...watch.alerts.values()].map((alert) => alert.ruleId))
  const succeeded = new Set(
    [...watch.runs.values()].filter((run) => run.status === 'succeeded').map((run) => run.playbookId),
  )
  return [
    ...(scene.alerts ?? []).filter(({ rule }) => !rules.has(rule)).map(({ rule }) => `alert of rule ${rule}`),
    ...(scene.runs ?? [])
      .filter(({ playbook }) => !succeeded.has(playbook))
      .map(({ playbook }) => `run of ${playbook}`),
  ]
}

function showVerdict(screen: Screen, story: Story, watch: Watch, eventCount: number): boolean {
  screen.line(`\n${screen.paint('bold', 'What was found')}`)
  for (const scene of story.scenes) {
    const lost = sceneMissing(scene, watch)
    const expected = (scene.alerts?.length ?? 0) + (scene.runs?.length ?? 0)
    const mark = lost.length === 0 ? screen.paint('good', '✓') : screen.paint('bad', '✗')
    screen.line(`  ${mark} ${scene.title}: ${expected - lost.length} of ${expected} alerts and playbook runs`)
    for (const what of lost) screen.line(`      missing: ${what}`)
  }
  const lost = missing(story, watch)
  screen.line(
    `  ${eventCount} events, ${watch.alerts.size} alerts, ${watch.runs.size} playbook runs; ${lost.length === 0 ? 'all that the story expects' : `${lost.length} missing`}`,
  )
  return lost.length === 0
}
