import { type TimePart, timeParts } from '../../match/expression.ts'
import { nameOfValue, type ValueModifier } from '../value.ts'

const ranges: Readonly<Record<TimePart, readonly [number, number]>> = {
  minute: [0, 59],
  hour: [0, 23],
  day: [1, 31],
  week: [1, 53],
  month: [1, 12],
  year: [1, 9999],
}

/** `minute` … `year`: a part of the time that the field's text says, in the zone it is written in.
 * @see Sigma modifiers appendix, time */
export const timeModifiers: Readonly<Record<string, ValueModifier>> = Object.fromEntries(
  timeParts.map((part): [string, ValueModifier] => [
    part,
    (value) => {
      const [least, most] = ranges[part]
      if (value.kind === 'compare') {
        return { kind: 'time', part, comparison: value.comparison, value: value.value }
      }
      if (value.kind !== 'number') return `takes a number from ${least} to ${most}, not ${nameOfValue(value)}`
      if (value.value < least || value.value > most) return `takes a number from ${least} to ${most}`
      return { kind: 'time', part, comparison: 'eq', value: value.value }
    },
  ]),
)
