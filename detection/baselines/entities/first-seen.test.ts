import { describe, expect, it } from 'vitest'
import { wholeOf } from '../blocks/savable.ts'
import { TWIN_KEY, type Twin } from '../testing/twin.ts'
import { twins } from '../testing/twins.ts'
import { FirstSeenDetector, type FirstSeenState, type Usage } from './first-seen.ts'

describe('groups that are learned', () => {
  const twin: Twin<Usage> = twins.find(({ detector }) => detector === 'first-seen')!
  const ungrouped = twin.strengths.find(({ name }) => name.includes('groups learned'))!
  const observations = ungrouped.make(3).observations.sort((a, b) => a.at - b.at)
  const reloaded = (model: FirstSeenDetector) =>
    new FirstSeenDetector(TWIN_KEY, JSON.parse(JSON.stringify(wholeOf(model.save()))) as FirstSeenState)

  it('are the same, saved and loaded while they are looked for', () => {
    const whole = new FirstSeenDetector(TWIN_KEY)
    let part = new FirstSeenDetector(TWIN_KEY)
    let saved = 0
    for (const [i, observation] of observations.entries()) {
      expect(part.observe(observation)).toEqual(whole.observe(observation))
      if (i % 13 !== 0 || whole.save().rest.grouping === null) continue
      saved += 1
      part = reloaded(part)
    }
    expect(saved).toBeGreaterThan(20)
    expect(wholeOf(part.save())).toEqual(wholeOf(whole.save()))
  })
})
