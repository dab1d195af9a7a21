// The arrows of docs/architecture.md as data: who may import whom, which packages live where, which words are banned.

/** What each folder may import of the others, through their index.ts. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  kms: ['platform'],
  iam: ['platform', 'kms'],
  vault: ['platform', 'kms'],
  certs: ['platform', 'kms'],
  pipeline: ['platform'],
  collectors: ['platform', 'pipeline'],
  enrichment: ['platform', 'pipeline'],
  intel: ['platform'],
  detection: ['platform', 'pipeline', 'intel'],
  cases: ['platform', 'intel'],
  playbooks: ['platform', 'vault', 'cases'],
  compliance: ['platform', 'pipeline'],
  console: [],
}

/** Faces of parts that work without the rest of their folder: threads and commands that need no server come in by these and
 * start in a fraction of the time. */
export const doors: readonly string[] = [
  'platform/base/index.ts',
  'collectors/files/index.ts',
  'detection/offline/index.ts',
]

/** The composition roots: they import every folder, and each other; nothing imports them. */
export const roots: readonly RegExp[] = [/^main\.ts$/, /^processor\.ts$/, /^replayer\.ts$/, /^cli\//]

/** What is run beside the service: it may import the roots and tests too. */
export const tools: readonly RegExp[] = [/^scripts\//, /^bench\//, /^test\//, /^vitest\.config\.ts$/]

/** Tests and benches may import any file, so that a part can be tested and measured behind its face. */
export const tests: readonly RegExp[] = [
  /\.(?:test|contract)\.ts$/,
  /(?:^|\/)testing(?:\.ts$|\/)/,
  /^test\//,
  /^bench\//,
]

/** Packages that only some files may import, and why. */
export const packageHomes: readonly {
  readonly packages: readonly string[]
  readonly homes: readonly RegExp[]
  readonly instead: string
}[] = [
  {
    packages: ['kysely', 'pg', 'node:sqlite', 'sqlite'],
    homes: [/(?:^|[/-])store\.ts$/, /(?:^|\/)migrations\.ts$/, /^platform\/db\//],
    instead: 'SQL stands in store.ts and migrations.ts only; give the store a method',
  },
  {
    packages: ['@duckdb/node-api'],
    homes: [/^pipeline\/engines\//],
    instead: 'event-store SQL stands in pipeline/engines/ only; ask the EventStore port',
  },
  {
    packages: ['vitest', 'fast-check', 'typescript', 'dependency-cruiser'],
    homes: [/^scripts\//, /^bench\//, /^vitest\.config\.ts$/],
    instead: 'development packages are not there in production',
  },
]

/** Words that product code does not use, where they may stand, and what to use instead. */
export const bannedWords: readonly {
  readonly word: 'Date.now' | 'new Date()' | 'Math.random' | 'process.env' | 'new RegExp'
  readonly homes: readonly RegExp[]
  readonly instead: string
}[] = [
  {
    word: 'Date.now',
    homes: [/^platform\/base\/clock\.ts$/],
    instead: 'take a Clock, so that a test can move the time',
  },
  { word: 'new Date()', homes: [], instead: 'take a Clock, so that a test can move the time' },
  { word: 'Math.random', homes: [], instead: 'use node:crypto; for tests, a seeded source' },
  {
    word: 'process.env',
    homes: [/^platform\/config\//, /^platform\/base\/without-environment\.ts$/],
    instead: 'add a key to platform/config/schema.ts and take it as an argument',
  },
  {
    word: 'new RegExp',
    homes: [],
    instead: 'a pattern made of outside text may run for ever: compile it with re2js; else write a literal',
  },
]

/** Single places that are allowed a banned word. An entry that is not needed any more is an error. */
export const exceptions: readonly { readonly file: string; readonly word: string; readonly why: string }[] = [
  {
    file: 'platform/http/access.ts',
    word: 'new RegExp',
    why: 'at start, of a letters-only name in a route that we wrote',
  },
]
