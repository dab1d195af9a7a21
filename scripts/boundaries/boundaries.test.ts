import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { judge } from './judge.ts'
import { readCode } from './modules.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rampart-boundaries-'))
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** What the check says of these files. */
async function problemsOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return judge(await readCode(root), root)
}

const platform = { 'platform/index.ts': 'export const x = 1\n', 'platform/deep.ts': 'export const y = 1\n' }

describe('the whole project', () => {
  it('is read: every .ts file there is, also those that only a worker thread starts', async () => {
    const code = await readCode(project)
    const there = readdirSync(project, { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.endsWith('.ts') && !/(?:^|\/)(?:node_modules|data|coverage|\.[^/]*)\//.test(path),
    )
    expect(there.length).toBeGreaterThan(100)
    expect([...code.seen].sort()).toEqual(there.sort())
    expect(code.imports.length).toBeGreaterThan(code.files.length)
  })
})

describe('a check that read less than there is', () => {
  it('fails', async () => {
    const code = { files: ['platform/index.ts'], seen: new Set<string>(), imports: [], dangling: [] }
    writeFileSync(join(root, 'x.txt'), '')
    mkdirSync(join(root, 'platform'))
    writeFileSync(join(root, 'platform/index.ts'), '')
    expect(judge(code, root)).toEqual(['platform/index.ts: was not read for imports'])
    expect(judge({ ...code, files: [] }, root)).toEqual(['no .ts file was found'])
  })
})

describe('in order', () => {
  it('are imports along the arrows, through the door', async () => {
    const problems = await problemsOf({
      ...platform,
      'iam/index.ts': "import { x } from '../platform/index.ts'\nimport './users.ts'\nexport const a = x\n",
      'iam/users.ts': "import type { x } from '../platform/index.ts'\nexport type X = typeof x\n",
      'iam/store.ts': "import { Kysely } from 'kysely'\nexport const k = Kysely\n",
      'platform/base/index.ts': 'export const b = 1\n',
      'iam/light.ts': "import { b } from '../platform/base/index.ts'\nexport const c = b\n",
      'iam/users.test.ts': "import '../platform/deep.ts'\nimport 'vitest'\nDate.now()\n",
      'main.ts':
        "import './iam/index.ts'\nimport './platform/index.ts'\nnew Worker(new URL('./processor.ts', import.meta.url))\n",
      'processor.ts': "import './platform/index.ts'\n",
      'cli/main.ts': "await import('../main.ts')\n",
      'scripts/x.ts': "import '../main.ts'\nimport 'typescript'\nprocess.env.X\n",
      'bench/x.ts': "import '../iam/index.ts'\nimport '../iam/users.ts'\nimport '../test/support/y.ts'\n",
      'test/support/y.ts': "import '../../iam/users.ts'\n",
    })
    expect(problems).toEqual([])
  })
})

describe('against the rules', () => {
  it.each<[string, Record<string, string>, string]>([
    [
      'an arrow the wrong way',
      { 'iam/index.ts': 'export const a = 1\n', 'platform/index.ts': "import '../iam/index.ts'\n" },
      'platform/index.ts: platform/ may import no other folder, not iam/',
    ],
    [
      'an arrow the wrong way by type only',
      {
        ...platform,
        'iam/index.ts': 'export type A = 1\n',
        'cases/x.ts': "import type { A } from '../iam/index.ts'\n",
      },
      'cases/x.ts: cases/ may import platform, intel, not iam/',
    ],
    [
      'an arrow the wrong way by a dynamic import',
      { ...platform, 'iam/index.ts': 'export const a = 1\n', 'cases/x.ts': "await import('../iam/index.ts')\n" },
      'cases/x.ts: cases/ may import',
    ],
    [
      'an arrow the wrong way by re-export',
      { ...platform, 'iam/index.ts': 'export const a = 1\n', 'cases/x.ts': "export * from '../iam/index.ts'\n" },
      'cases/x.ts: cases/ may import',
    ],
    [
      'an arrow the wrong way by a worker',
      { 'iam/x.ts': 'export const a = 1\n', 'cases/x.ts': "new Worker(new URL('../iam/x.ts', import.meta.url))\n" },
      'cases/x.ts: cases/ may import',
    ],
    [
      'an import past the door',
      { ...platform, 'iam/x.ts': "import '../platform/deep.ts'\n" },
      'iam/x.ts: may import platform/ through platform/index.ts only, not `platform/deep.ts`',
    ],
    [
      'an import past the door by a composition root',
      { ...platform, 'main.ts': "import './platform/deep.ts'\n" },
      'main.ts: may import platform/ through platform/index.ts only',
    ],
    [
      'an import of a root',
      { 'main.ts': '', 'iam/x.ts': "import '../main.ts'\n" },
      'iam/x.ts: may not import the composition root',
    ],
    [
      'an import of the console by anybody',
      { 'console/index.ts': '', 'iam/x.ts': "import '../console/index.ts'\n" },
      'not console/',
    ],
    [
      'an import by the console',
      { ...platform, 'console/x.ts': "import '../platform/index.ts'\n" },
      'console/ may import no other folder',
    ],
    [
      'a test in the product',
      { 'iam/a.test.ts': '', 'iam/x.ts': "import './a.test.ts'\n" },
      'iam/x.ts: may not import `iam/a.test.ts`',
    ],
    [
      'a bench in the product',
      { 'bench/a.ts': '', 'main.ts': "import './bench/a.ts'\n" },
      'main.ts: may not import `bench/a.ts`',
    ],
    ['a folder without a row', { 'utils/x.ts': '' }, 'utils/x.ts: its folder has no row'],
    ['a file at the top', { 'helpers.ts': '' }, 'helpers.ts: its folder has no row'],
    ['an import that leads nowhere', { 'iam/x.ts': "import './y.ts'\n" }, 'iam/x.ts: `./y.ts` leads to no file'],
    [
      'a worker that is nowhere',
      { 'iam/x.ts': "new URL('./y.ts', import.meta.url)\n" },
      'iam/x.ts: `./y.ts` leads to no file',
    ],
    [
      'SQL outside a store',
      { 'iam/users.ts': "import { sql } from 'kysely'\n" },
      'iam/users.ts: may not import `kysely`: SQL stands in store.ts',
    ],
    [
      'SQL types outside a store',
      { 'iam/users.ts': "import type { Kysely } from 'kysely'\n" },
      'iam/users.ts: may not import `kysely`',
    ],
    [
      'node:sqlite outside platform/db',
      { 'iam/users.ts': "import { DatabaseSync } from 'node:sqlite'\n" },
      'may not import `node:sqlite`',
    ],
    ['pg outside a store', { 'iam/users.ts': "import pg from 'pg'\n" }, 'may not import `pg`'],
    [
      'DuckDB outside its engine',
      { 'pipeline/x.ts': "import '@duckdb/node-api'\n" },
      'may not import `@duckdb/node-api`',
    ],
    ['a test library in the product', { 'iam/x.ts': "import 'fast-check'\n" }, 'may not import `fast-check`'],
    [
      'a ring',
      { 'iam/a.ts': "import './b.ts'\n", 'iam/b.ts': "import './c.ts'\n", 'iam/c.ts': "import './a.ts'\n" },
      'iam/a.ts: imports itself by iam/b.ts → iam/c.ts → iam/a.ts',
    ],
    [
      'a ring of types alone',
      { 'iam/a.ts': "import type { B } from './b.ts'\n", 'iam/b.ts': "import type { A } from './a.ts'\n" },
      'iam/a.ts: imports itself by iam/b.ts → iam/a.ts',
    ],
    [
      'a ring through a type in an expression',
      { 'iam/a.ts': "export type A = import('./b.ts').B\n", 'iam/b.ts': "import { a } from './a.ts'\n" },
      'iam/a.ts: imports itself by iam/b.ts → iam/a.ts',
    ],
    [
      'a light door that brings a whole folder in',
      {
        ...platform,
        'detection/offline/index.ts': "import '../x.ts'\n",
        'detection/x.ts': "import { x } from '../platform/index.ts'\nexport const y = x\n",
      },
      'detection/x.ts: is needed by detection/offline/index.ts, and may import platform/index.ts by type only',
    ],
    ['Date.now', { 'iam/x.ts': 'export const t =\n  Date.now()\n' }, 'iam/x.ts:2: no `Date.now`: take a Clock'],
    ['Date.now by another spelling', { 'iam/x.ts': "globalThis.Date['now']()\n" }, 'no `Date.now`'],
    ['new Date()', { 'iam/x.ts': 'new Date()\n' }, 'no `new Date()`'],
    ['Math.random', { 'iam/x.ts': 'Math.random()\n' }, 'no `Math.random`'],
    ['process.env', { 'iam/x.ts': 'process.env.HOME\n' }, 'no `process.env`: add a key'],
    ['process.env taken apart', { 'iam/x.ts': 'const { env } = process\n' }, 'no `process.env`'],
    ['new RegExp of a variable', { 'iam/x.ts': 'const a = 1\nnew RegExp(a)\n' }, 'iam/x.ts:2: no `new RegExp`'],
    ['RegExp called', { 'iam/x.ts': 'RegExp(x)\n' }, 'no `new RegExp`'],
  ])('%s is caught', async (_, files, expected) => {
    expect((await problemsOf(files)).join('\n')).toContain(expected)
  })

  it('is nothing of what only looks like it', async () => {
    const text =
      "new Date(0)\nnew RegExp('a')\nconst now = { Date: { now: 1 } }.Date\n// Date.now()\nconst s = 'Math.random()'\n"
    expect(await problemsOf({ 'iam/x.ts': text })).toEqual([])
  })
})
