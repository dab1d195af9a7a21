import { type AccountId, type Authorizer, iamArn, type Principal } from '../../platform/index.ts'
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
  const shown = layers.filter(({ layer, node }) => {
    if (layer === 'guardrail') return readsGuardrails
    if (layer === 'resourceGuardrail') return node?.startsWith('project/') ? readsPolicies : readsGuardrails
    return readsPolicies && (layer !== 'resource' || isOwn)
  })
  const hidden = layers.filter((layer) => !shown.includes(layer))
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

async function may(deps: ReadDecisionDeps, principal: Principal, action: string, resource: string): Promise<boolean> {
  return (await deps.authorizer.authorize({ principal, action, resource })).allowed
}

function ownerOf(resource: string): AccountId | undefined {
  const account = resource.split(':')[4]
  return account ? (account as AccountId) : undefined
}
