import { type TimeUnit, timeUnit, unitMicros, unitMonths } from './span.ts'
import { parseTimestamp } from './time.ts'

/** The instant that a time modifier means, in microseconds: `now`, `-7d`, `+1d@d`, `@h`, a date and time, seconds of the
 * epoch; undefined for anything else. Steps count from left to right.   @see PPL reference, search, time modifiers */
export function instantOf(written: string, nowMs: number): bigint | undefined {
  const text = written.trim()
  if (/^now(\(\))?$/i.test(text)) return BigInt(nowMs) * 1000n
  if (/^\d{1,12}(\.\d{1,6})?$/.test(text)) return BigInt(Math.round(Number(text) * 1e6))
  const american = /^(\d\d)\/(\d\d)\/(\d{4}):(\d\d:\d\d:\d\d)$/.exec(text)
  if (american) return parseTimestamp(`${american[3]}-${american[1]}-${american[2]}T${american[4]}`)
  if (/^\d/.test(text)) return parseTimestamp(text)
  const steps = [...text.replace(/^now(\(\))?/i, '').matchAll(/([+-])(\d{1,9})([A-Za-z]+)|@([A-Za-z]+)([0-7]?)/g)]
  if (steps.length === 0 || steps.map((step) => step[0]).join('') !== text.replace(/^now(\(\))?/i, '')) return undefined
  let at = new Date(nowMs)
  for (const [, sign, amount, offsetUnit, snapUnit, weekday] of steps) {
    const unit = timeUnit(offsetUnit ?? snapUnit ?? '')
    if (unit === undefined || (weekday !== undefined && weekday !== '' && unit !== 'week')) return undefined
    at = offsetUnit !== undefined ? moved(at, Number(`${sign}${amount}`), unit) : snapped(at, unit, weekday ?? '')
  }
  return Number.isNaN(at.getTime()) ? undefined : BigInt(at.getTime()) * 1000n
}

function moved(at: Date, amount: number, unit: TimeUnit): Date {
  const months = unitMonths[unit]
  if (months === undefined) return new Date(at.getTime() + (amount * (unitMicros[unit] ?? 0)) / 1000)
  const target = new Date(at)
  target.setUTCDate(1)
  target.setUTCMonth(target.getUTCMonth() + amount * months)
  // 31 January and a month is the last day of February.
  const lastDay = new Date(Date.UTC(target.getUTCFullYear(), target.getUTCMonth() + 1, 0)).getUTCDate()
  target.setUTCDate(Math.min(at.getUTCDate(), lastDay))
  return target
}

function snapped(at: Date, unit: TimeUnit, weekday: string): Date {
  const micros = unitMicros[unit]
  if (unit === 'week') {
    const day = weekday === '' ? 0 : Number(weekday) % 7
    const back = (at.getUTCDay() - day + 7) % 7
    return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() - back))
  }
  if (micros !== undefined) {
    const ms = micros / 1000
    return new Date(Math.floor(at.getTime() / ms) * ms)
  }
  const months = unitMonths[unit] ?? 1
  return new Date(Date.UTC(at.getUTCFullYear(), Math.floor(at.getUTCMonth() / months) * months, 1))
}
