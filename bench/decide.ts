import { createDecisionSet, type DecisionSet, type SetRequest } from '../iam/index.ts'
import { createCedar } from './peers/cedar.ts'
import { type Policy, readAuthzSet } from './support/authz-set.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

/** Decisions of 2,000 users over the acceptance set, its policies copied until there are enough. Rates are by the
 * processor time of one core, so that a neighbour on the machine does not count. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  const set = readAuthzSet()
  if (!set) {
    report({ case: 'decide: left out, ../shared/data/authz is absent', value: 0, unit: '' })
    return
  }
  const { policies, requests, held } = set
  const sizes = quick ? [300, 1_000] : [300, 1_000, 10_000, 100_000]
  for (const size of sizes) {
    const loadedAt = performance.now()
    const copies = await copied(policies, held, size, 'native')
    if (size === sizes.at(-1)) {
      report({ case: `load ${count(size)} policies`, value: (performance.now() - loadedAt) / 1000, unit: 's' })
      report({ case: `resident with ${count(size)} policies`, value: process.memoryUsage.rss() / 2 ** 20, unit: 'MiB' })
    }
    const rounds = quick ? 10 : 100
    report({
      case: `native, ${count(size)} policies`,
      value: rate(copies.isAllowed, requests, rounds),
      unit: 'decisions/s',
    })
  }
  const largest = sizes.at(-1) ?? 300
  const casbin: DecisionSet = await copied(policies, held, largest, 'casbin')
  const title = `casbin on the slice, ${count(largest)} policies`
  report({ case: title, value: rate(casbin.isAllowed, requests, quick ? 1 : 5), unit: 'decisions/s' })
  report({ case: `${title}, p99`, value: percentile99(casbin.isAllowed, requests), unit: 'µs' })
  const cedar = createCedar({ policies, held })
  const native = await copied(policies, held, 300, 'native')
  const differing = requests.filter((request) => cedar(request) !== native.isAllowed(request)).length
  report({
    case: 'Cedar (WebAssembly), 300 policies',
    value: rate(cedar, requests.slice(0, quick ? 200 : 2_000), 1),
    unit: 'decisions/s',
  })
  report({ case: 'decisions on which Cedar differs', value: differing, unit: `of ${count(requests.length)}` })
}

const count = (value: number) => value.toLocaleString('en')

/** `size` policies, each user holding copies of what it holds, spread over all of them. */
function copied(
  policies: readonly Policy[],
  held: ReadonlyMap<string, readonly string[]>,
  size: number,
  engine: 'native' | 'casbin',
): Promise<DecisionSet> {
  const copies = Math.ceil(size / policies.length)
  const texts = policies.map(({ id, document }) => ({ id, document: JSON.stringify(document) }))
  let next = 0
  return createDecisionSet(
    {
      policies: Array.from({ length: copies }, (_, copy) =>
        texts.map(({ id, document }) => ({ id: `${id}-${copy}`, document })),
      ).flat(),
      groups: [],
      users: [...held].map(([id, ids]) => ({
        id,
        groups: [],
        policies: ids.map((one) => `${one}-${next++ % copies}`),
      })),
    },
    engine,
  )
}

function rate(isAllowed: (request: SetRequest) => boolean, requests: readonly SetRequest[], rounds: number): number {
  // Until the compiler has seen enough; a service runs longer than that.
  for (let round = 0; round < Math.min(rounds, 30); round++) for (const request of requests) isAllowed(request)
  const startedAt = process.cpuUsage()
  for (let round = 0; round < rounds; round++) for (const request of requests) isAllowed(request)
  const used = process.cpuUsage(startedAt)
  return (rounds * requests.length * 1e6) / (used.user + used.system)
}

function percentile99(isAllowed: (request: SetRequest) => boolean, requests: readonly SetRequest[]): number {
  const times = requests.map((request) => {
    const startedAt = performance.now()
    isAllowed(request)
    return performance.now() - startedAt
  })
  times.sort((a, b) => a - b)
  return (times[Math.floor(times.length * 0.99)] ?? 0) * 1000
}
