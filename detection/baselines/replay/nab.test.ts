import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hasEngine, sharedData } from '../../../test/support/requirements.ts'
import { seriesModels } from '../series/models.ts'
import { replayInto } from './replay.ts'
import { findSeries } from './series-paths.ts'

const data = sharedData('nab')
const python = hasEngine('python3', spawnSync('python3', ['--version']).status === 0)

describe.skipIf(!data || !python)('NAB (needs ../shared/data/nab and python3)', () => {
  it('its own scorer gives the default model at least 75, 69 and 79', { timeout: 300_000 }, async () => {
    const out = mkdtempSync(join(tmpdir(), 'rampart-nab-'))
    try {
      const [preset] = seriesModels
      for (const file of findSeries([join(data!, 'data')])) await replayInto(out, file, preset!, () => undefined)
      const lines = execFileSync('python3', [join(data!, 'score.py'), out], { encoding: 'utf8' })
        .trim()
        .split('\n')
      const scores = new Map(lines.map((line) => JSON.parse(line)).map(({ profile, score }) => [profile, score]))
      expect(scores.get('standard')).toBeGreaterThanOrEqual(75)
      expect(scores.get('reward_low_FP_rate')).toBeGreaterThanOrEqual(69)
      expect(scores.get('reward_low_FN_rate')).toBeGreaterThanOrEqual(79)
    } finally {
      rmSync(out, { recursive: true })
    }
  })
})
