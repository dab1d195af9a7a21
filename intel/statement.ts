import type { Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { intelError } from './errors.ts'
import { CONFIDENCE_DEFAULT, indicatorInput, SOURCE_DEFAULT } from './forms.ts'
import { requireIndicator, type Statement } from './indicators.ts'

export type IndicatorInput = Static<typeof indicatorInput>

const input = Compile(indicatorInput)

/** What a put says, its value in the form that is stored.   @throws intel.indicator.refused */
export function statementOf(given: IndicatorInput, now: number): Statement {
  const { type, value, source = SOURCE_DEFAULT, confidence = CONFIDENCE_DEFAULT, tlp = 'amber' } = given
  const { labels, killChain, description, validFrom, validUntil, lastSeen } = given
  return {
    observable: requireIndicator(type, value),
    source,
    confidence,
    tlp,
    ...(labels === undefined ? {} : { labels }),
    ...(killChain === undefined ? {} : { killChain }),
    ...(description === undefined ? {} : { description }),
    validFrom: validFrom === undefined ? now : Date.parse(validFrom),
    ...(validUntil === undefined ? {} : { validUntil: Date.parse(validUntil) }),
    lastSeen: Math.min(lastSeen === undefined ? now : Date.parse(lastSeen), now),
    saidAt: now,
  }
}

/** A value from outside as a put, or why it is none.   @throws intel.indicator.refused */
export function parseInput(value: unknown): IndicatorInput {
  if (input.Check(value)) return value
  const [first] = input.Errors(value)
  throw intelError('intel.indicator.refused', `${first?.instancePath || 'it'} ${first?.message ?? 'is no indicator'}`)
}
