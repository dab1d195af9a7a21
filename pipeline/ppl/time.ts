const form = /^(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/

/** An instant in microseconds since the epoch. Beyond what a double holds exactly, hence a bigint. */
export type Micros = bigint

/** The instant that a date, or a date and time, names: ISO 8601 with `T` or a space, UTC unless it carries an offset,
 * nine digits of fraction at most, of which six count. Undefined for anything else, 30 February included. */
export function parseTimestamp(text: string): Micros | undefined {
  const parts = form.exec(text)
  if (!parts) return undefined
  const [, year, month, day, , hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = parts
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  date.setUTCHours(Number(hour), Number(minute), Number(second))
  const offset = offsetMinutes(zone)
  if (offset === undefined) return undefined
  return BigInt(date.getTime() - offset * 60_000) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
}

/** True for a text that is surely meant as an instant: a date and a time with `T` between them. */
export function isTimestampText(text: string): boolean {
  return text.length >= 16 && text.length <= 35 && text[10] === 'T' && parseTimestamp(text) !== undefined
}

/** An instant as PPL prints it: `yyyy-MM-dd HH:mm:ss`, with a fraction only where there is one. */
export function formatTimestamp(micros: Micros): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  const ms = Number((micros - fraction) / 1000n)
  if (Math.abs(ms) > 8.64e15) return micros.toString()
  const iso = new Date(ms).toISOString()
  const text = `${iso.slice(0, -14)} ${iso.slice(-13, -5)}`
  return fraction === 0n ? text : `${text}.${fraction.toString().padStart(6, '0').replace(/0+$/, '')}`
}

function offsetMinutes(zone: string): number | undefined {
  if (zone === 'Z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', '') || '0')
  if (hours > 18 || minutes > 59) return undefined
  return (zone[0] === '-' ? -1 : 1) * (hours * 60 + minutes)
}
