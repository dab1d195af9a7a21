import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { hasEngine } from './requirements.ts'

const engines = fileURLToPath(new URL('../../.engines/engines.json', import.meta.url))

/** Where an engine that `npm run engines` started listens, or undefined where it did not: tests that need it are then
 * skipped by name, and fail when RAMPART_REQUIRE_ENGINES=1. */
export function engineUrl(name: string): string | undefined {
  const url = started()[name]
  return hasEngine(name, url !== undefined) ? url : undefined
}

function started(): Record<string, string> {
  try {
    return JSON.parse(readFileSync(engines, 'utf8')) as Record<string, string>
  } catch {
    return {}
  }
}
