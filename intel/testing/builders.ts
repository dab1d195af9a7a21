import { type Api, createServer, iamArn, type Principal, parseAccountId } from '../../platform/index.ts'
import type { Hit, IndicatorIndex } from '../match/indicator-index.ts'
import { MatchSetBuilder } from '../match/match-set.ts'
import type { ExactType, LiveIndicator, LiveOpinion, Place } from '../types.ts'

export const account = parseAccountId('000000000001')
export const place: Place = { account, workspace: 'default' }
export const START = Date.UTC(2026, 2, 1, 9)
export const DAY_MS = 86_400_000

/** A clock that a test moves. */
export const aClock = (at = START) => ({
  at,
  now() {
    return this.at
  },
})

export const aLiveOpinion = (more: Partial<LiveOpinion> = {}): LiveOpinion => ({
  source: 'feed',
  confidence: 80,
  tlp: 'amber',
  validFrom: START,
  expiresAt: START + DAY_MS,
  lastSeen: START,
  ...more,
})

export const aLive = (type: ExactType, value: string, ...opinions: LiveOpinion[]): LiveIndicator => ({
  type,
  value,
  opinions: opinions.length > 0 ? opinions : [aLiveOpinion()],
})

/** A set of these, in memory that is too small at first. */
export function aMatchSet(indicators: readonly LiveIndicator[]) {
  const builder = new MatchSetBuilder({ values: 1, opinions: 1, bytes: 1 })
  for (const indicator of indicators) builder.add(indicator)
  return builder.finish()
}

/** Which indicators a value of an event meets, as `type value`, sorted. */
export function metBy(index: IndicatorIndex, type: ExactType, text: string, at = START): string[] {
  return index
    .lookUp(type, text, at)
    .map((hit: Hit) => `${hit.type} ${hit.value}`)
    .sort()
}

export const silent = {
  info() {},
  warn() {},
  error() {},
  debug() {},
  trace() {},
  fatal() {},
  child: () => silent,
  level: 'silent',
}

/** A server whose every caller is ann, who may do everything. */
export function aServer(routes: readonly ((api: Api) => void)[], clock: { now(): number }): Promise<Api> {
  const ann: Principal = { kind: 'user', account, arn: iamArn(account, 'user', 'ann'), name: 'ann', auth: 'token' }
  return createServer({
    log: silent as never,
    version: '0.0.0',
    clock,
    authenticator: { authenticate: async () => ann },
    authorizer: { authorize: async () => ({ allowed: true, id: 'd', reason: 'allow', determining: [] }) },
    audit: { record: async () => {} },
    routes,
  })
}
