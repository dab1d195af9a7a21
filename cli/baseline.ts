import { findSeries, getSeriesModel, replayInto, replayTo, seriesModels } from '../detection/offline/index.ts'
import { RampartError } from '../platform/base/index.ts'
import { type Command, UsageError } from './command.ts'
import { ProgressBar } from './progress.ts'

const [preset] = seriesModels

/** `rampart baseline replay`: anomaly scores of recorded series, with no server.   @see contract, baselines off line */
export const baselineReplayCommand: Command = {
  name: 'baseline replay',
  usage: 'baseline replay [--model NAME] [--out DIR] FILE.csv|DIR…',
  options: {
    model: {
      type: 'string',
      value: 'NAME',
      default: preset?.name ?? '',
      description: seriesModels
        .map(({ name, version, summary }) => `${name} (version ${version}): ${summary}`)
        .join('; '),
    },
    out: {
      type: 'string',
      value: 'DIR',
      description: 'write a file of scores for each series here, under its own path',
    },
  },
  async run({ values, positionals }, io): Promise<number> {
    if (positionals.length === 0) throw new UsageError('name a CSV file with `timestamp,value`, or a folder of them')
    const kind = getSeriesModel(String(values.model))
    const out = typeof values.out === 'string' ? values.out : undefined
    const files = findSeries(positionals)
    const [first] = files
    if (!first) throw new UsageError(`there is no .csv file in ${positionals.map((path) => `\`${path}\``).join(', ')}`)
    if (out === undefined && (files.length > 1 || first.path !== positionals[0]))
      throw new UsageError('several files or a folder need `--out DIR`')
    const bar = new ProgressBar(
      io.stderr,
      files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    )
    let failed = 0
    for (const file of files) {
      try {
        if (out === undefined) await replayTo(io.stdout, file, kind, (bytes) => bar.add(bytes))
        else await replayInto(out, file, kind, (bytes) => bar.add(bytes))
      } catch (error) {
        // What is wrong with one file, or with reading it, is said; the others are scored all the same.
        if (!(error instanceof RampartError) && !isSystemError(error)) throw error
        failed += 1
        bar.end()
        io.stderr.write(`rampart baseline replay: ${error.message}\n`)
      }
    }
    bar.end()
    if (out !== undefined) io.stderr.write(`${files.length - failed} of ${files.length} series scored into ${out}\n`)
    return failed === 0 ? 0 : 1
  },
}

const isSystemError = (error: unknown): error is Error => error instanceof Error && 'syscall' in error
