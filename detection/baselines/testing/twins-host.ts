// Twins of programs that start programs.
import { seededRandom } from '../blocks/random.ts'
import type { Launch } from '../entities/process-tree.ts'
import { busyness, DAY_MS, HOUR_MS, pick, range, START, type Stream } from './twin.ts'

/** What starts what on an ordinary desktop, the common first. */
const TREE: Readonly<Record<string, readonly string[]>> = {
  'explorer.exe': ['chrome.exe', 'outlook.exe', 'winword.exe', 'excel.exe', 'teams.exe', 'notepad.exe', 'cmd.exe'],
  'services.exe': ['svchost.exe', 'spoolsv.exe', 'msiexec.exe', 'searchindexer.exe'],
  'svchost.exe': ['taskhostw.exe', 'wmiprvse.exe', 'dllhost.exe', 'runtimebroker.exe'],
  'chrome.exe': ['chrome.exe', 'software_reporter_tool.exe'],
  'outlook.exe': ['winword.exe', 'chrome.exe', 'acrord32.exe', 'excel.exe'],
  'winword.exe': ['splwow64.exe', 'chrome.exe'],
  'excel.exe': ['splwow64.exe', 'chrome.exe'],
  'cmd.exe': ['ipconfig.exe', 'ping.exe', 'git.exe', 'node.exe', 'python.exe', 'net.exe'],
  'node.exe': ['git.exe', 'cmd.exe', 'python.exe'],
}

/** Documents that start a shell which looks around. */
const ODD: readonly (readonly [string, string])[] = [
  ['winword.exe', 'powershell.exe'],
  ['services.exe', 'cmd.exe'],
  ['outlook.exe', 'mshta.exe'],
  ['svchost.exe', 'rundll32.exe'],
  ['excel.exe', 'regsvr32.exe'],
  ['chrome.exe', 'net.exe'],
  ['winword.exe', 'whoami.exe'],
  ['explorer.exe', 'psexesvc.exe'],
]

/** Desktops on which people work, sometimes with programs of their own, and on some of which `pairs` programs are started by
 * what never starts them, within half an hour. */
export const launches = (pairs: number) => (seed: number) => {
  const random = seededRandom(seed)
  const stream: Stream<Launch> = { observations: [], planted: [] }
  const parents = Object.keys(TREE)
  for (const index of range(40)) {
    const host = `desk-${index}`
    for (let at = START; at < START + 21 * DAY_MS; at += -Math.log(1 - random()) * 15 * 60_000) {
      if (random() > busyness(at)) continue
      const parent = pick(random, parents)
      const children = TREE[parent] ?? []
      const child = children[Math.floor(children.length * random() ** 2)] ?? ''
      const kind = random()
      // Set-ups start what they bring; a few programs are one person's.
      if (kind < 0.004)
        stream.observations.push({ at, host, parent: 'msiexec.exe', child: `setup-${Math.floor(random() * 60)}.exe` })
      else if (kind < 0.006)
        stream.observations.push({ at, host, parent: 'explorer.exe', child: `own-${Math.floor(random() * 80)}.exe` })
      else if (kind < 0.0063) stream.observations.push({ at, host, parent, child: pick(random, parents) })
      else stream.observations.push({ at, host, parent, child })
    }
    if (index >= 8) continue
    const from = START + (9 + index) * DAY_MS + Math.floor((8 + 8 * random()) * HOUR_MS)
    stream.planted.push({ entity: host, from, to: from + HOUR_MS })
    const order = [...ODD.slice(index), ...ODD.slice(0, index)]
    for (const i of range(pairs)) {
      const [parent, child] = order[i] ?? ['', '']
      // Each attacker has tools of its own name.
      stream.observations.push({ at: from + (i * 30 * 60_000) / pairs, host, parent, child: `${index}${child}` })
    }
  }
  return stream
}
