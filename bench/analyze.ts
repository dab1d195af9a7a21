import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIam } from '../iam/index.ts'
import { iamMigrations } from '../iam/migrations.ts'
import { migrate, openDatabase, openSealer, parseAccountId, systemClock } from '../platform/index.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const account = parseAccountId('000000000001')
const SERVICES = ['siem', 'soar', 'kms', 'secrets', 'pca', 'eps', 'audit', 'org']
const TYPES = ['rule', 'alert', 'pipe', 'cmk', 'credential', 'project']
const VERBS = ['get', 'list', 'put', 'delete', 'update', '*']

/** Analyses of an account of many policies: by the wall clock, on one core. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  const count = quick ? 500 : 10_000
  const dir = mkdtempSync(join(tmpdir(), 'rampart-bench-analyze-'))
  const database = openDatabase({ file: join(dir, 'rampart.db') })
  await migrate(database, iamMigrations, systemClock)
  const iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock })
  await iam.bootstrap(() => {})
  const pending: Promise<unknown>[] = []
  for (let i = 0; i < count; i++) {
    pending.push(iam.policies.create(account, { name: `p${i}`, document: documentOf(i) }))
    if (pending.length === 200) await Promise.all(pending.splice(0))
  }
  const users = count / 10
  for (let i = 0; i < users; i++) {
    pending.push(
      iam.users.create(account, { name: `u${i}` }).then(async () => {
        const holder = { kind: 'user', name: `u${i}` } as const
        for (const n of [0, 1, 2, 3]) {
          await iam.attachments.attach(account, holder, `arn:rampart:iam::${account}:policy/p${(i * 10 + n) % count}`)
        }
      }),
    )
    if (pending.length === 100) await Promise.all(pending.splice(0))
  }
  await Promise.all(pending)
  const time = async (name: string, work: () => Promise<unknown> | unknown) => {
    const startedAt = performance.now()
    await work()
    report({ case: name, value: performance.now() - startedAt, unit: 'ms' })
  }
  const title = `${count.toLocaleString('en')} policies`
  await time(`analyze ${title}`, () => iam.analysis.analyze(account))
  await iam.policies.createVersion(account, 'p7', { document: documentOf(8) })
  await time(`analyze ${title} again, one changed`, () => iam.analysis.analyze(account))
  const policy = `arn:rampart:iam::${account}:policy/p5`
  const holder = { kind: 'user', name: 'u1' } as const
  await time(`diff of an attachment, ${title}`, () =>
    iam.analysis.diff(account, { kind: 'attachPolicy', holder, policy }),
  )
  const principal = iam.findPrincipal(account, `arn:rampart:iam::${account}:user/u1`)
  if (principal) await time('what-can of a user', () => iam.analysis.whatCan(principal, { context: new Map() }))
  if (principal) {
    const rounds = quick ? 20_000 : 200_000
    const requests = Array.from({ length: 200 }, (_, i) => ({
      principal,
      action: 'siem:rule:get',
      resource: `arn:rampart:siem:local:${account}:rule/default/r${i % 50}`,
    }))
    const rate = (work: (index: number) => void) => {
      const startedAt = process.cpuUsage()
      for (let i = 0; i < rounds; i++) work(i)
      const used = process.cpuUsage(startedAt)
      return ((used.user + used.system) * 1000) / rounds
    }
    const uses = iam.uses
    rate((i) => iam.decide(requests[i % requests.length] as never))
    const decided = requests.map((request) => iam.decide(request))
    report({ case: 'decision, uses counted', value: rate((i) => iam.decide(requests[i % 200] as never)), unit: 'ns' })
    report({
      case: 'of that, counting the use',
      value: rate((i) => uses.add(requests[i % 200] as never, decided[i % 200] as never)),
      unit: 'ns',
    })
  }
  await iam.close()
  await database.close()
  rmSync(dir, { recursive: true })
}

function documentOf(i: number): string {
  const pick = (list: readonly string[], by: number) => list[Math.floor(i / by) % list.length]
  const [service, type, verb] = [pick(SERVICES, 1), pick(TYPES, 8), pick(VERBS, 48)]
  return JSON.stringify({
    Version: '5.0',
    Statement: [
      {
        Sid: 'Own',
        Effect: 'Allow',
        Action: [`${service}:${type}:${verb}`, `${service}:${type}:get`],
        Resource: `arn:rampart:${service}:*:${account}:${type}/team${i % 97}/*`,
      },
      {
        Sid: 'Shared',
        Effect: i % 11 === 0 ? 'Deny' : 'Allow',
        Action: `${service}:${type}:*`,
        Resource: [`arn:rampart:${service}:*:${account}:${type}/team${i % 97}/x${i % 5}/*`],
        ...(i % 3 === 0 ? { Condition: { Bool: { 'g:MFAPresent': 'true' } } } : {}),
      },
    ],
  })
}
