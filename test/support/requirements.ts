import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const shared = fileURLToPath(new URL('../../../shared/data/', import.meta.url))

/** The path of a folder of the shared test data, or undefined where this checkout has none: then `describe.skipIf`
 * the tests that read it. Throws instead when RAMPART_REQUIRE_DATA=1, so that CI cannot skip in silence. */
export function sharedData(folder: string): string | undefined {
  const path = `${shared}${folder}`
  if (existsSync(path)) return path
  if (process.env.RAMPART_REQUIRE_DATA === '1')
    throw new Error(`test data ../shared/data/${folder} is required and absent`)
  return undefined
}

/** True where an engine that tests need was found. Throws when it was not and RAMPART_REQUIRE_ENGINES=1. */
export function hasEngine(name: string, found: boolean): boolean {
  if (!found && process.env.RAMPART_REQUIRE_ENGINES === '1') {
    throw new Error(`engine ${name} is required and absent; \`npm run engines\` installs and starts it`)
  }
  return found
}
