import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Every line of the product's code, by file. */
function productCode(): Map<string, string> {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) =>
      path.endsWith('.ts') &&
      !path.endsWith('.test.ts') &&
      !/^(?:node_modules|data|test|bench|scripts|coverage|\.[^/]*)\//.test(path),
  )
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
}

describe('the reference pages', () => {
  it('are those that the code makes; `npm run docs` makes them again', () => {
    const { status, stderr } = spawnSync('npm', ['run', '-s', 'docs', '--', '--check'], { cwd: root, encoding: 'utf8' })
    expect(stderr).toContain(' 0 stale')
    expect(status).toBe(0)
  })
})

describe('the error catalogue', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  const codes = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, code]) => code ?? '')

  it('holds only codes that some code uses beside its table', () => {
    const all = [...productCode().values()].join('\n')
    const unused = codes.filter((code) => all.split(`'${code}'`).length < 3)
    expect(codes.length).toBeGreaterThan(10)
    expect(unused).toEqual([])
  })

  it('is worded folder.thing.problem, the folder by its name or its verb (collect)', () => {
    const folders = readdirSync(root)
    for (const code of codes) {
      expect(code).toMatch(/^[a-z]+(?:\.[a-z][A-Za-z]*){2}$/)
      const prefix = code.slice(0, code.indexOf('.'))
      expect(
        folders.some((folder) => folder.startsWith(prefix)),
        code,
      ).toBe(true)
    }
  })
})
