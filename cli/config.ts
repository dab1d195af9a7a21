import { describeConfig, type LoadedConfig, loadConfig, RampartError, type ShownSetting } from '../platform/index.ts'
import type { Arguments, Command, Io, Option } from './command.ts'

const options: Readonly<Record<string, Option>> = {
  config: { type: 'string', value: 'FILE', description: 'configuration file (YAML)' },
  json: { type: 'boolean', description: 'print JSON' },
}

/** Says whether `serve` would start with this file and this environment. */
export const configCheckCommand: Command = {
  name: 'config check',
  usage: 'config check [--config FILE] [--json]',
  options,
  async run(args, io) {
    let loaded: LoadedConfig
    try {
      loaded = load(args, io)
    } catch (error) {
      if (!args.values.json || !(error instanceof RampartError)) throw error
      const { code, message, errors } = error
      io.stdout.write(`${JSON.stringify({ ok: false, code, message, errors })}\n`)
      return 1
    }
    if (args.values.json) io.stdout.write(`${JSON.stringify({ ok: true, warnings: loaded.warnings })}\n`)
    else {
      warn(loaded, io)
      io.stdout.write('the configuration is valid\n')
    }
    return 0
  },
}

/** Prints what `serve` would run with, as a configuration file whose comments say where each value came from. */
export const configShowCommand: Command = {
  name: 'config show',
  usage: 'config show [--config FILE] [--json]',
  options,
  async run(args, io) {
    const loaded = load(args, io)
    warn(loaded, io)
    const settings = describeConfig(loaded)
    io.stdout.write(args.values.json ? `${JSON.stringify(nested(settings), null, 2)}\n` : asYaml(settings))
    return 0
  },
}

function load(args: Arguments, io: Io): LoadedConfig {
  const { config } = args.values
  return loadConfig({ env: io.env, ...(typeof config === 'string' ? { file: config } : {}) })
}

function warn(loaded: LoadedConfig, io: Io): void {
  for (const warning of loaded.warnings) io.stderr.write(`warning: ${warning}\n`)
}

function nested(settings: readonly ShownSetting[]): Record<string, unknown> {
  const config: Record<string, unknown> = {}
  for (const { path, value } of settings) {
    const [section = '', name] = path.split('.')
    if (name === undefined) config[section] = value
    else config[section] = { ...(config[section] as object | undefined), [name]: value }
  }
  return config
}

/** JSON is YAML, so each value stands as JSON. */
function asYaml(settings: readonly ShownSetting[]): string {
  let text = ''
  let open = ''
  for (const { path, value, source } of settings) {
    const [section = '', name] = path.split('.')
    if (name !== undefined && section !== open) text += `${section}:\n`
    open = section
    text += `${name === undefined ? section : `  ${name}`}: ${JSON.stringify(value)} # ${source}\n`
  }
  return text
}
