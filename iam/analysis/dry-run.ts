import { type AccountId, type Clock, type ContextValue, formatInstant, type Principal } from '../../platform/index.ts'
import type { Given, IamAuthorizer } from '../authorizer.ts'
import { decide, determiningStatements, type LayerName } from '../decision/decide.ts'
import { nativeEvaluator } from '../decision/native.ts'
import type { UseStore } from '../decision-log/use-store.ts'
import type { ResourcePolicies } from '../resource-policies.ts'
import type { IamTables } from '../tables.ts'
import type { CompareDeps, SeenChange } from './compare-changes.ts'
import { BREAKS_TOLD_MAX, SHAPES_REPLAYED_MAX } from './limits.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const PAGE = 1_000
const TIME_KEYS = new Set(['g:currenttime', 'g:epochtime', 'g:timeofday', 'g:dayofweek'])

type Shape = IamTables['iam_request_shape']

export interface DryRunDeps extends CompareDeps {
  readonly uses: UseStore
  readonly resourcePolicies: ResourcePolicies
  readonly clock: Clock
}

/** Requests that were allowed and would not be. */
export interface Break {
  readonly account: string
  readonly principal: string
  readonly action: string
  readonly resource: string
  readonly count: number
  readonly lastAt: number
  /** What would refuse it. */
  readonly layer: LayerName
  readonly node: string | undefined
  readonly statements: readonly string[]
  /** Only at some of the hours at which it happened. */
  readonly sometimes: boolean
}

export interface DryRun {
  /** The most frequent first. */
  readonly breaks: readonly Break[]
  readonly breakCount: number
  /** Requests looked at, and kinds of them. */
  readonly requests: number
  readonly shapes: number
  /** Kinds that would be refused now already, by changes since. */
  readonly stale: number
  /** Allowed requests of these days that were not kept: what they would break is not known. */
  readonly lost: number
  readonly complete: boolean
}

/** What a change of guardrails would break, by the allowed requests of the last days: each kind of them is decided as
 * the policies are now, without the change and with it. */
export async function dryRun(deps: DryRunDeps, seen: SeenChange, days: number): Promise<DryRun> {
  const [old, next] = [deps.authorizerFor(seen.before), deps.authorizerFor(seen.after)]
  const fromDay = Math.floor(deps.clock.now() / DAY_MS) - days + 1
  const breaks: Break[] = []
  let [requests, shapes, stale, lost] = [0, 0, 0, 0]
  let complete = true
  for (const account of accountsConcerned(seen)) {
    lost += await deps.uses.lost(account, fromDay)
    let after: { day: number; hash: string } | undefined
    for (;;) {
      const page = await deps.uses.shapes(account, { fromDay, ...(after ? { after } : {}), limit: PAGE })
      for (const shape of page) {
        if (shapes >= SHAPES_REPLAYED_MAX) {
          complete = false
          break
        }
        shapes++
        requests += shape.count
        const found = await replay(deps, { old, next }, shape)
        if (found === 'stale') stale++
        else if (found) breaks.push(found)
      }
      const last = page.at(-1)
      if (page.length < PAGE || !last || !complete) break
      after = { day: last.day, hash: last.hash }
    }
  }
  const merged = merge(breaks)
  return {
    breaks: merged.slice(0, BREAKS_TOLD_MAX),
    breakCount: merged.length,
    requests,
    shapes,
    stale,
    lost,
    complete: complete && lost === 0,
  }
}

/** Those of the organisation, before and after; each may be bounded, or own what is asked for. */
function accountsConcerned({ before, after, touched }: SeenChange): Set<AccountId> {
  const accounts = new Set<AccountId>()
  for (const { account } of touched) {
    for (const preview of [before, after]) {
      for (const member of preview.organizationOf(account)?.members.keys() ?? []) accounts.add(member as AccountId)
    }
  }
  return accounts
}

async function replay(
  deps: DryRunDeps,
  { old, next }: { readonly old: IamAuthorizer; readonly next: IamAuthorizer },
  shape: Shape,
): Promise<Break | 'stale' | undefined> {
  const onResource = await deps.resourcePolicies.find(shape.resource).catch(() => undefined)
  const given: Given = { asserted: true, ...(onResource ? { onResource } : {}) }
  let isAllowed = false
  let refusal: Pick<Break, 'layer' | 'node' | 'statements'> | undefined
  let refused = 0
  const times = timesOf(shape, next, given)
  for (const at of times) {
    const request = requestOf(shape, at)
    const was = old.caseOf(request, given)
    if (!was || decide(was.layers, was.question, nativeEvaluator).reason !== 'allow') continue
    isAllowed = true
    const is = next.caseOf(request, given)
    const outcome = is && decide(is.layers, is.question, nativeEvaluator)
    if (outcome?.reason === 'allow') continue
    refused++
    refusal ??= {
      layer: outcome?.layer ?? 'identity',
      node: outcome?.node,
      statements: is && outcome?.reason === 'explicitDeny' ? determiningStatements(is.layers, is.question) : [],
    }
  }
  if (!isAllowed) return 'stale'
  if (!refusal) return undefined
  const { account, principal, action, resource, count, last_at: lastAt } = shape
  return { account, principal, action, resource, count, lastAt, ...refusal, sometimes: refused < times.length }
}

function requestOf(shape: Shape, at: number) {
  const { kind, account, principal: arn, name, auth, mfa, action, resource } = shape
  const principal = { kind, account, arn, name, auth, mfa: mfa === 1 } as Principal
  const context = new Map(Object.entries(JSON.parse(shape.context) as Record<string, ContextValue>))
  return { principal, action, resource, context: context.set('g:CurrentTime', formatInstant(at)) }
}

/** When it happened, as far as that matters: each hour where a guardrail looks at the time, else once. */
function timesOf(shape: Shape, next: IamAuthorizer, given: Given): number[] {
  const found = next.caseOf(requestOf(shape, shape.last_at), given)
  const bounds = found ? [...found.layers.guardrails, ...found.layers.resourceGuardrails] : []
  const looksAtTime = bounds.some(({ list }) =>
    list.statements.some(({ conditions }) => conditions.some(({ canonicalKey }) => TIME_KEYS.has(canonicalKey))),
  )
  if (!looksAtTime) return [shape.last_at]
  const hours = Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => shape.hours & (1 << hour))
  return hours.map((hour) => shape.day * DAY_MS + hour * HOUR_MS + HOUR_MS / 2)
}

/** Of several days and contexts one row. */
function merge(breaks: readonly Break[]): Break[] {
  const rows = new Map<string, Break>()
  for (const one of breaks) {
    const { account, principal, action, resource, layer, node, statements } = one
    const key = JSON.stringify([account, principal, action, resource, layer, node, statements])
    const known = rows.get(key)
    rows.set(
      key,
      known
        ? {
            ...one,
            count: known.count + one.count,
            lastAt: Math.max(known.lastAt, one.lastAt),
            sometimes: known.sometimes || one.sometimes,
          }
        : one,
    )
  }
  return [...rows.values()].sort((a, b) => b.count - a.count || (a.principal < b.principal ? -1 : 1))
}
