import type { Command } from './command.ts'
import { commandNames, summaryOf } from './commands.ts'

/** What `rampart --help` prints, or `rampart <group> --help` of some commands. */
export function overview(names: readonly string[] = commandNames): string {
  const width = Math.max(...names.map((name) => name.length))
  const rows = names.map((name) => `  ${name.padEnd(width)}  ${summaryOf(name)}`)
  return `Rampart: security operations platform\n\nusage: rampart <command> [options]\n\n${rows.join('\n')}\n\nrampart <command> --help tells the rest.\n`
}

/** What `rampart <command> --help` prints. */
export function helpFor(command: Command): string {
  const options = Object.entries(command.options).map(([name, option]) => {
    const short = option.short ? `-${option.short}, ` : '    '
    const value = option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : ''
    return { left: `${short}--${name}${value}`, description: option.description, preset: option.default }
  })
  options.push({ left: '-h, --help', description: 'this text', preset: undefined })
  const width = Math.max(...options.map((option) => option.left.length))
  const rows = options.map(({ left, description, preset }) => {
    const shown = preset === undefined || preset === false ? '' : ` (default ${preset})`
    return `  ${left.padEnd(width)}  ${description}${shown}`
  })
  const details = command.details === undefined ? '' : `\n${command.details}\n`
  return `${summaryOf(command.name)}\n\nusage: rampart ${command.usage}\n\n${rows.join('\n')}\n${details}`
}
