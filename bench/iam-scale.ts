import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createIam, iamMigrations } from '../iam/index.ts'
import { migrate, openDatabase, openSealer, parseAccountId, systemClock } from '../platform/index.ts'
import { nameWithoutAccount, readAuthzSet, withoutAccount } from './support/authz-set.ts'
import { type FilledService, startFilledService } from './support/filled-service.ts'
import { ACCOUNT, type Population, populate } from './support/population-store.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

/** Identities and policies of a large account on SQLite: how long a process takes to load them and what it then holds,
 * who can do something, and how soon a change counts. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  const set = readAuthzSet()
  if (!set) {
    report({ case: 'iam-scale: left out, ../shared/data/authz is absent', value: 0, unit: '' })
    return
  }
  const documents = set.policies.map(({ document }) => withoutAccount(document))
  const every = { policy: 10, accessKey: 10 }
  const large = quick
    ? { documents, policies: 2_000, groups: 100, users: 10_000, every }
    : { documents, policies: 100_000, groups: 1_000, users: 1_000_000, every }
  await withPopulation(large, async (dir) => {
    const loader = join(import.meta.dirname, 'support', 'load-iam.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [loader, dir])
    const loaded = JSON.parse(stdout) as Record<'seconds' | 'coreSeconds' | 'residentMiB' | 'peakMiB', number>
    const what = `${count(large.policies)} policies and ${count(large.users)} users`
    report({ case: `load ${what}`, value: loaded.seconds, unit: 's' })
    report({ case: `load ${what}, by processor time`, value: loaded.coreSeconds, unit: 's' })
    report({ case: `resident after it`, value: loaded.residentMiB, unit: 'MiB' })
    report({ case: `resident at most`, value: loaded.peakMiB, unit: 'MiB' })
  })
  const asked = { ...large, users: Math.min(large.users, 100_000), every: { policy: 1, accessKey: 10 } }
  const questions = set.requests.slice(0, quick ? 50 : 500)
  await withPopulation(asked, async (dir) => {
    const database = openDatabase({ file: join(dir, 'rampart.db') })
    const iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock })
    const account = parseAccountId(ACCOUNT)
    const delays: number[] = []
    let found = 0
    for (const { action, resource: name } of questions) {
      const resource = nameWithoutAccount(name)
      const startedAt = performance.now()
      found += (await iam.whoCan(account, { action, resource, context: new Map(), limit: 100 })).items.length
      delays.push(performance.now() - startedAt)
    }
    const first = delays[0] ?? 0
    delays.sort((a, b) => a - b)
    const what = `who-can, ${count(asked.policies)} policies, ${count(asked.users)} users`
    report({ case: `${what}: first page, the first time`, value: first, unit: 'ms' })
    report({ case: `${what}: first page, p50`, value: delays[Math.floor(delays.length / 2)] ?? 0, unit: 'ms' })
    report({ case: `${what}: first page, slowest`, value: delays.at(-1) ?? 0, unit: 'ms' })
    report({ case: `${what}: found on a page`, value: found / questions.length, unit: 'of 100' })
    await iam.close()
    await database.close()
  })
  const filled = await startFilledService((database) => populate(database, asked))
  await measureChanges(filled, quick ? 20 : 200, report)
  await filled.end()
}

async function withPopulation(population: Population, use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-bench-'))
  const database = openDatabase({ file: join(dir, 'rampart.db') })
  await migrate(database, iamMigrations, systemClock)
  await populate(database, population)
  await database.close()
  try {
    await use(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Gives and takes a policy while another connection asks without pause: how long from the answer to the change until a
 * decision shows it, which is nothing where it shows already; and whether one with the change's snapshot ever does not. */
async function measureChanges({ service, token }: FilledService, rounds: number, report: Report): Promise<void> {
  const user = 'bench'
  await service.client.call('/v1/iam/users', { body: { name: user } })
  const asking = { principal: `arn:rampart:iam::${ACCOUNT}:user/${user}`, action: 'shop:order:read', resource: '*' }
  const isAllowed = async (headers: Record<string, string> = {}) => {
    const answer = await fetch(`${service.runtime.endpoint}/v1/iam/authorize`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ requests: [asking] }),
    })
    return ((await answer.json()) as { decisions: { decision: string }[] }).decisions[0]?.decision === 'allow'
  }
  const document = { Version: '5.0', Statement: { Effect: 'Allow', Action: asking.action } }
  const delays: number[] = []
  let stale = 0
  for (let round = 0; round < rounds; round++) {
    const wanted = round % 2 === 0
    const changed = fetch(`${service.runtime.endpoint}/v1/iam/users/${user}/inline-policies/bench`, {
      method: wanted ? 'PUT' : 'DELETE',
      headers: { authorization: `Bearer ${token}`, ...(wanted ? { 'content-type': 'application/json' } : {}) },
      ...(wanted ? { body: JSON.stringify({ document }) } : {}),
    })
    let seenAt = Number.NaN
    const seen = (async () => {
      while ((await isAllowed()) !== wanted);
      seenAt = performance.now()
    })()
    const { headers, status } = await changed
    const answeredAt = performance.now()
    if (status >= 300) throw new Error(`a change was answered ${status}`)
    if ((await isAllowed({ 'x-rampart-min-snapshot': headers.get('x-rampart-snapshot') ?? '' })) !== wanted) stale++
    await seen
    delays.push(Math.max(0, seenAt - answeredAt))
  }
  delays.sort((a, b) => a - b)
  report({ case: 'a change answered, to its first decision: slowest', value: delays.at(-1) ?? 0, unit: 'ms' })
  report({ case: 'decisions older than the snapshot sent', value: stale, unit: `of ${rounds}` })
}

const count = (value: number) => value.toLocaleString('en')
