import type { SetRequest } from '../iam/index.ts'
import type { RunningService } from '../test/support/service.ts'
import { startOpa } from './peers/opa.ts'
import { startAuthzService } from './support/authz-service.ts'
import { type AuthzSet, nameWithoutAccount, readAuthzSet } from './support/authz-set.ts'
import { load } from './support/load.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const CONNECTIONS = 32
const BATCH = 100

/** One way of asking a server: what is sent, and the decisions in what comes back. */
interface Way {
  readonly path: string
  body(requests: readonly SetRequest[]): string
  decisions(answer: never): readonly boolean[]
}

interface Server {
  readonly name: string
  readonly port: number
  readonly pid: number
  readonly headers: Readonly<Record<string, string>>
  readonly single: Way
  readonly batch: Way
}

/** The acceptance set asked over HTTP, one request at a time and a hundred at once: of a started service, whose caller is
 * authenticated and authorised, whose refusals are logged; and of OPA's server, which knows no callers and logs
 * nothing. The same requests, the same load generator, one after the other. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  const set = readAuthzSet()
  if (!set) {
    report({ case: 'authzen: left out, ../shared/data/authz is absent', value: 0, unit: '' })
    return
  }
  const seconds = quick ? 2 : 8
  const { service, token, end } = await startAuthzService(set)
  const ours = await measure(ofService(service, token), set, seconds, report)
  await end()
  const opa = await startOpa(set)
  if (typeof opa === 'string') {
    report({ case: `OPA: not measured, because ${opa}`, value: 0, unit: '' })
    return
  }
  const theirs = await measure(ofOpa(opa), set, seconds, report)
  await opa.end()
  report({ case: 'single evaluations', value: ours.single / theirs.single, unit: 'times OPA' })
  report({ case: `batches of ${BATCH}`, value: ours.batch / theirs.batch, unit: 'times OPA' })
  const { singleByCore, batchByCore } = ours
  report({
    case: 'single evaluations, by processor time',
    value: singleByCore / theirs.singleByCore,
    unit: 'times OPA',
  })
  report({
    case: `batches of ${BATCH}, by processor time`,
    value: batchByCore / theirs.batchByCore,
    unit: 'times OPA',
  })
}

async function measure(server: Server, set: AuthzSet, seconds: number, report: Report) {
  const common = {
    port: server.port,
    pid: server.pid,
    headers: server.headers,
    connections: CONNECTIONS,
    warmUpSeconds: 2,
    seconds,
  }
  const singles = set.requests.map((request) => [request])
  const batches = Array.from({ length: set.requests.length / BATCH }, (_, index) =>
    set.requests.slice(index * BATCH, (index + 1) * BATCH),
  )
  const reportCore = (what: string, value: number) =>
    report({ case: `${server.name}, ${what}, by processor time`, value, unit: 'decisions/s' })
  let wrong = 0
  for (const [way, parts] of [
    [server.single, singles],
    [server.batch, batches],
  ] as const) {
    const given = (await Promise.all(parts.map((part) => ask(server, way, part)))).flat()
    wrong += set.expected.filter((allowed, index) => given[index] !== allowed).length
  }
  report({ case: `${server.name}, answers that differ`, value: wrong, unit: `of ${2 * set.expected.length}` })
  const single = await load({ ...common, path: server.single.path, bodies: singles.map(server.single.body) })
  report({ case: `${server.name}, single evaluations`, value: single.requestsPerSec, unit: 'decisions/s' })
  report({ case: `${server.name}, single evaluations, p99`, value: single.p99Ms, unit: 'ms' })
  reportCore('single evaluations', single.requestsPerCoreSec)
  const batch = await load({ ...common, path: server.batch.path, bodies: batches.map(server.batch.body) })
  report({ case: `${server.name}, batches of ${BATCH}`, value: batch.requestsPerSec * BATCH, unit: 'decisions/s' })
  reportCore(`batches of ${BATCH}`, batch.requestsPerCoreSec * BATCH)
  return {
    single: single.requestsPerSec,
    batch: batch.requestsPerSec * BATCH,
    singleByCore: single.requestsPerCoreSec,
    batchByCore: batch.requestsPerCoreSec * BATCH,
  }
}

async function ask(server: Server, way: Way, requests: readonly SetRequest[]): Promise<readonly boolean[]> {
  const answer = await fetch(`http://127.0.0.1:${server.port}${way.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...server.headers },
    body: way.body(requests),
  })
  return way.decisions((await answer.json()) as never)
}

function ofService({ runtime }: RunningService, token: string): Server {
  const evaluation = ({ principal, action, resource, context }: SetRequest) => ({
    subject: { type: 'user', id: principal },
    action: { name: action },
    resource: { type: 'resource', id: nameWithoutAccount(resource) },
    context,
  })
  return {
    name: 'AuthZEN',
    port: runtime.http ?? 0,
    pid: runtime.pid,
    headers: { authorization: `Bearer ${token}` },
    single: {
      path: '/access/v1/evaluation',
      body: ([request]) => JSON.stringify(request && evaluation(request)),
      decisions: (answer: { decision: boolean }) => [answer.decision],
    },
    batch: {
      path: '/access/v1/evaluations',
      body: (requests) => JSON.stringify({ evaluations: requests.map(evaluation) }),
      decisions: (answer: { evaluations: { decision: boolean }[] }) =>
        answer.evaluations.map(({ decision }) => decision),
    },
  }
}

function ofOpa({ port, pid }: { readonly port: number; readonly pid: number }): Server {
  const input = ({ principal, action, resource, context }: SetRequest) => ({ principal, action, resource, context })
  return {
    name: 'OPA',
    port,
    pid,
    headers: {},
    single: {
      path: '/v1/data/authz/allow',
      body: ([request]) => JSON.stringify({ input: request && input(request) }),
      decisions: (answer: { result: boolean }) => [answer.result],
    },
    batch: {
      path: '/v1/data/authz/batch',
      body: (requests) => JSON.stringify({ input: { evaluations: requests.map(input) } }),
      decisions: (answer: { result: boolean[] }) => answer.result,
    },
  }
}
