import { type AccountId, type Authorizer, iamArn, type Principal } from '../../platform/index.ts'
import type { ExplainedLayer } from '../decision/explain.ts'
import type { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import type { DecisionLog, LoggedDecision } from './decision-log.ts'

export interface ReadDecisionDeps {
  readonly decisions: DecisionLog
  readonly directory: Pick<Directory, 'organizationOf'>
  readonly authorizer: Authorizer
}

/** A decision as far as its reader may see it: layers of policies it may not read are named in `redacted` alone. */
export interface VisibleDecision extends LoggedDecision {
  readonly redacted: readonly string[]
}

/** The refusal behind an id. @throws iam.thing.absent, for another account's too */
export async function readDecision(deps: ReadDecisionDeps, reader: Principal, id: string): Promise<VisibleDecision> {
  const { account } = reader
  const found = /^[0-9a-f]{32}$/.test(id) ? await deps.decisions.find(account, id) : undefined
  if (!found) throw iamError('iam.thing.absent', 'no refusal of this account has that id, or it is no longer kept')
  if (!found.explanation) return { ...found, redacted: [] }
  const readsPolicies = await may(deps, reader, 'iam:policy:get', iamArn(account, 'policy', '*'))
  const readsGuardrails =
    deps.directory.organizationOf(account)?.management === account &&
    (await may(deps, reader, 'iam:organization:getGuardrail', iamArn(account, 'organization', 'guardrail/*')))
  const isOwn = ownerOf(found.resource) === account
  const { layers, missing, suggest, ...outcome } = found.explanation
  const shown: ExplainedLayer[] = []
  const hidden: ExplainedLayer[] = []
  const readable = new Map<string, Promise<boolean>>()
  for (const one of layers) {
    const { layer, node } = one
    const isGuardrail = layer === 'guardrail' || (layer === 'resourceGuardrail' && !node?.startsWith('project/'))
    if (isGuardrail ? readsGuardrails : readsPolicies && (layer !== 'resource' || isOwn)) {
      shown.push(one)
      continue
    }
    hidden.push(one)
    if (isGuardrail || layer === 'resource' || layer === 'session') continue
    // Of single policies that the reader may read, what they say is shown all the same.
    const isReadable = (label: string) => mayReadPolicy(deps, reader, label.slice(0, label.lastIndexOf('.')), readable)
    const statements = await filterAsync(one.statements, ({ statement }) => isReadable(statement))
    const nearest = await filterAsync(one.nearest, ({ statement }) => isReadable(statement))
    if (statements.length + nearest.length > 0) shown.push({ ...one, statements, nearest })
  }
  return {
    ...found,
    redacted: [...new Set(hidden.map(({ layer }) => layer))],
    explanation: {
      ...outcome,
      layers: shown,
      // What near misses wanted tells as much as the policies do.
      missing: hidden.length > 0 ? [] : missing,
      suggest,
    },
  }
}

async function filterAsync<T>(items: readonly T[], keeps: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept: T[] = []
  for (const item of items) if (await keeps(item)) kept.push(item)
  return kept
}

/** @param policy the ARN of a managed policy, or `<ARN of its holder>#<name>` */
function mayReadPolicy(
  deps: ReadDecisionDeps,
  reader: Principal,
  policy: string,
  known: Map<string, Promise<boolean>>,
): Promise<boolean> {
  const hash = policy.indexOf('#')
  const [resource, kind] = hash === -1 ? [policy, 'policy'] : [policy.slice(0, hash), holderKind(policy)]
  const action = hash === -1 ? 'iam:policy:get' : `iam:${kind}:getInlinePolicy`
  const asked = known.get(policy) ?? may(deps, reader, action, resource)
  known.set(policy, asked)
  return asked
}

function holderKind(policy: string): string {
  return /^arn:rampart:iam::[0-9]{12}:([a-z]+)\//.exec(policy)?.[1] ?? 'user'
}

async function may(deps: ReadDecisionDeps, principal: Principal, action: string, resource: string): Promise<boolean> {
  return (await deps.authorizer.authorize({ principal, action, resource })).allowed
}

function ownerOf(resource: string): AccountId | undefined {
  const account = resource.split(':')[4]
  return account ? (account as AccountId) : undefined
}
