import { availableParallelism } from 'node:os'
import { createLogFiles } from '../collectors/files/index.ts'
import {
  detectFiles,
  findInputFiles,
  planDetect,
  type RefusedRule,
  type RuleTree,
  readRuleTree,
  standardInput,
} from '../detection/offline/index.ts'
import { printable, systemClock } from '../platform/base/index.ts'
import { type Arguments, type Command, type Io, UsageError } from './command.ts'
import { createDetectOutput, type DetectFormat, detectFormats } from './detect-output.ts'
import { ProgressBar } from './progress.ts'
import { readTreeOptions, ruleOptions } from './rule-options.ts'

const STDIN = '-'
/** Files that hold no text and are told by name; a folder may have thousands. */
const SKIPPED_TOLD_MAX = 20

/** `rampart detect`: rules over log files, with no server.   @see contract, Detect */
export const detectCommand: Command = {
  name: 'detect',
  usage:
    'detect --rules DIR [--jobs N] [--correlations] [--explain] [--events] [--format FORM] [--placeholders FILE] [--pipeline FILE]… [--no-cache] [--json] FILE|DIR…|-',
  details: `FILE is read by what it is, also with .gz or .zst; of a DIR every file; \`-\` is standard input.
Events of JSON, one a line: Windows (flat, nested, Winlogbeat), CloudTrail, OCSF, systemd's journal, any other.
JSON that has not an event a line, up to 64 MiB: an array, CloudTrail's \`Records\`, objects over several lines.
Lines of text: syslog of files and of the wire (RFC 3164, RFC 5424), access logs, CEF, LEEF, Linux audit, words.
Tables with a head: CSV and TSV, Zeek's logs, the W3C extended format (IIS, proxies, Windows Firewall).
Windows' event logs (EVTX). What else holds no text is named and left out.`,
  options: {
    rules: { type: 'string', value: 'DIR', description: 'folder of Sigma rules, or one file' },
    jobs: { type: 'string', value: 'N', description: 'threads to use (default 1; 0 = one a core)' },
    correlations: { type: 'boolean', description: 'also print each event at which a correlation holds' },
    explain: { type: 'boolean', description: 'say why: which selection matched, on which field and value' },
    events: {
      type: 'boolean',
      description: 'with each match the title and level of its rule, when it happened, and the event (ndjson)',
    },
    format: {
      type: 'string',
      value: 'FORM',
      description: 'ndjson (default): a line a match; summary: one SARIF log; table: a row a rule, the worst first',
    },
    ...ruleOptions,
    json: { type: 'boolean', description: 'print the counts at the end as JSON' },
  },
  async run({ values, positionals }, io): Promise<number> {
    const rules = values.rules
    if (typeof rules !== 'string') throw new UsageError('`--rules DIR` is needed')
    if (positionals.length === 0) throw new UsageError('name a log file or a folder of them')
    const jobs = readJobs(values.jobs)
    const format = readFormat(values.format)
    const showEvents = values.events === true
    if (showEvents && format !== 'ndjson') throw new UsageError('`--events` goes with `--format ndjson`')
    const startedAt = now()
    const { files, unreadable } = findInputs(positionals, io)
    const worker = new URL('./detect-worker.ts', import.meta.url)
    const plan = planDetect(files, { jobs, logFiles: createLogFiles(), worker })
    const tree = loadRules(rules, values, io)
    if (!tree) {
      await plan.threads.stop()
      return 1
    }
    tellRefused(tree.refused, io)
    let loadedAt = now()
    for (const reason of unreadable) io.stderr.write(`cannot read ${printable(reason)}\n`)
    const output = createDetectOutput(showEvents ? 'events' : format, tree, io)
    const bar = new ProgressBar(
      io.stderr,
      files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    )
    const summary = await detectFiles(tree.ruleSet, plan, {
      correlations: values.correlations === true,
      explain: values.explain === true,
      showEvents,
      kept: tree.kept,
      onReady: () => {
        loadedAt = now()
      },
      onMatches: (matches) => output.put(matches),
      onProgress: (bytes) => bar.add(bytes),
    })
    await output.end()
    bar.end()
    tellSkipped(summary.skipped, io)
    for (const failure of summary.failures) io.stderr.write(`cannot read ${printable(failure)}\n`)
    const endedAt = now()
    const counts = {
      rules: tree.ruleSet.rules.length,
      correlations: tree.ruleSet.correlations.length,
      refused: tree.refused.length,
      ...summary,
      skipped: summary.skipped.length,
      failures: summary.failures.length + unreadable.length,
      loadSeconds: round(loadedAt.wall - startedAt.wall),
      seconds: round(endedAt.wall - loadedAt.wall),
      cpuSeconds: round(endedAt.cpu - loadedAt.cpu),
      eventsPerSec: Math.round(summary.events / (endedAt.wall - loadedAt.wall)),
      memoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    }
    io.stderr.write(values.json === true ? `${JSON.stringify(counts)}\n` : inWords(counts))
    return unreadable.length > 0 || summary.failures.length > 0 ? 1 : 0
  },
}

function findInputs(paths: readonly string[], io: Io): ReturnType<typeof findInputFiles> {
  const now = systemClock.now()
  if (!paths.includes(STDIN)) return findInputFiles(paths, now)
  if (paths.length > 1) throw new UsageError('`-` (standard input) stands alone')
  return { files: [standardInput(io.stdin, now)], unreadable: [] }
}

function loadRules(path: string, values: Arguments['values'], io: Io): RuleTree | undefined {
  try {
    return readRuleTree(path, { ...readTreeOptions(values, io), explain: values.explain === true })
  } catch (failure) {
    io.stderr.write(`rampart detect: cannot read the rules: ${(failure as Error).message}\n`)
    return undefined
  }
}

/** Seconds, of the clock and of all processors. */
function now(): { wall: number; cpu: number } {
  const { user, system } = process.cpuUsage()
  return { wall: performance.now() / 1000, cpu: (user + system) / 1e6 }
}

function readJobs(value: unknown): number {
  if (value === undefined) return 1
  const jobs = Number(value)
  if (!Number.isInteger(jobs) || jobs < 0 || jobs > 256) throw new UsageError('`--jobs` takes a number from 0 to 256')
  return jobs === 0 ? availableParallelism() : jobs
}

function readFormat(value: unknown): DetectFormat {
  const format = detectFormats.find((known) => known === (value ?? 'ndjson'))
  if (!format) throw new UsageError(`\`--format\` is one of ${detectFormats.join(', ')}`)
  return format
}

function tellRefused(refused: readonly RefusedRule[], io: Io): void {
  for (const { file, id, reasons } of refused) {
    io.stderr.write(`refused ${id} (${file}): ${reasons.join('; ')}\n`)
  }
}

function tellSkipped(skipped: readonly { readonly file: string; readonly what: string }[], io: Io): void {
  for (const { file, what } of skipped.slice(0, SKIPPED_TOLD_MAX))
    io.stderr.write(`skipped ${printable(file)}: ${what}\n`)
  if (skipped.length > SKIPPED_TOLD_MAX) {
    io.stderr.write(`skipped ${count(skipped.length - SKIPPED_TOLD_MAX)} more that hold no text\n`)
  }
}

const round = (seconds: number): number => Math.round(seconds * 1000) / 1000
const count = (value: number): string => value.toLocaleString('en')

function inWords(counts: Readonly<Record<string, number>>): string {
  const { rules = 0, correlations = 0, refused = 0, files = 0, lines = 0, events = 0, bytes = 0, matches = 0 } = counts
  const {
    notJson = 0,
    formless = 0,
    skipped = 0,
    tooLong = 0,
    withoutTime = 0,
    loadSeconds = 0,
    seconds = 0,
    eventsPerSec = 0,
  } = counts
  const notes = [
    refused > 0 ? `${count(refused)} rules refused` : '',
    notJson > 0 ? `${count(notJson)} lines of broken JSON` : '',
    formless > 0 ? `${count(formless)} lines of text whose form is not known` : '',
    skipped > 0 ? `${count(skipped)} files skipped that hold no text` : '',
    tooLong > 0 ? `${count(tooLong)} lines too long` : '',
    withoutTime > 0 ? `${count(withoutTime)} events without a time, not correlated` : '',
  ].filter((note) => note !== '')
  return [
    `${count(rules)} rules and ${count(correlations)} correlations loaded in ${loadSeconds} s`,
    `${count(events)} events in ${count(lines)} lines of ${count(files)} files, ${(bytes / 1e6).toFixed(1)} MB`,
    `${count(matches)} matches in ${seconds} s: ${count(eventsPerSec)} events/s, ${(bytes / 1e6 / seconds).toFixed(0)} MB/s`,
    ...notes,
    '',
  ].join('\n')
}
