import { Type } from 'typebox'
import {
  type Api,
  type Context,
  contextOf,
  type FilterCompiler,
  formatInstant,
  iamArn,
  listSchema,
  type Principal,
} from '../../platform/index.ts'
import { analyzeTexts } from '../analysis/analyze.ts'
import { type AccessRow, comparePolicyTexts } from '../analysis/compare-policies.ts'
import { severities } from '../analysis/findings.ts'
import type { GuardrailChange, ProposedChange } from '../analysis/try-change.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import { POLICY_BYTES_MAX, REQUEST_TEXT_MAX, USE_RETENTION_DAYS } from '../limits.ts'
import { policyKinds } from '../policy/document.ts'
import { abilityProperties, closed, contextSchema, listQuery, nameSchema, page } from './forms.ts'

const ACCOUNT = 'arn:rampart:iam::{account}:account/settings'
const PDP = 'arn:rampart:iam::{account}:pdp/default'

const principalSchema = Type.String({
  maxLength: 512,
  description: 'ARN of a user or role of the account; default: the caller',
})

const texts = Type.Array(Type.String())

const accessSchema = Type.Object({ can: Type.Enum(['no', 'conditionally', 'now']), if: Type.Optional(Type.String()) })

const accessRowSchema = Type.Object({
  action: Type.String(),
  exceptActions: texts,
  resource: Type.String(),
  exceptResources: texts,
  before: accessSchema,
  after: accessSchema,
  example: Type.Object({ action: Type.String(), resource: Type.String(), context: Type.Unknown() }),
  isGuess: Type.Boolean({ description: 'There was too much to try it all: new access is only feared' }),
  escalation: Type.Array(Type.String(), { description: 'Actions among them by which one gets more' }),
  principals: texts,
  principalCount: Type.Integer(),
})

const holderSchema = closed({ kind: Type.Enum(['user', 'group', 'role']), name: nameSchema })
const policyArn = Type.String({ minLength: 1, maxLength: 512, description: 'ARN' })
const scopeSchema = closed({
  kind: Type.Enum(['project', 'resource']),
  id: Type.String({ minLength: 1, maxLength: 2_048 }),
})
const documentText = Type.String({ minLength: 1, maxLength: POLICY_BYTES_MAX, description: 'JSON text' })

const guardrailChanges = [
  closed({
    kind: Type.Literal('putGuardrail'),
    name: nameSchema,
    bounds: Type.Enum(['principal', 'resource']),
    document: documentText,
    node: Type.Optional(nameSchema),
  }),
  closed({ kind: Type.Enum(['attachGuardrail', 'detachGuardrail']), node: nameSchema, name: nameSchema }),
  closed({ kind: Type.Literal('moveAccount'), account: nameSchema, node: nameSchema }),
] as const

const changeSchema = Type.Union([
  closed({ kind: Type.Literal('policy'), policy: nameSchema, document: documentText }),
  closed({ kind: Type.Enum(['attachPolicy', 'detachPolicy']), holder: holderSchema, policy: policyArn }),
  closed({ kind: Type.Literal('putInlinePolicy'), holder: holderSchema, name: nameSchema, document: documentText }),
  closed({ kind: Type.Literal('deleteInlinePolicy'), holder: holderSchema, name: nameSchema }),
  closed({ kind: Type.Literal('setBoundary'), holder: holderSchema, policy: Type.Optional(policyArn) }),
  closed({ kind: Type.Enum(['addUser', 'removeUser']), group: nameSchema, user: nameSchema }),
  closed({ kind: Type.Literal('setTrust'), role: nameSchema, document: documentText }),
  closed({ kind: Type.Enum(['grant', 'revoke']), holder: holderSchema, policy: policyArn, scope: scopeSchema }),
  ...guardrailChanges,
])

/** Principals named in one row; `principalCount` says how many there are. */
const PRINCIPALS_NAMED_MAX = 100

/** `/v1/iam/what-can`, `/analyze`, `/diff`: what policies add up to. */
export function analysisRoutes(iam: Iam, { compileFilter }: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'POST',
      url: '/v1/iam/what-can',
      config: { access: { action: 'iam:pdp:whatCan', resource: PDP, audit: 'refusals' } },
      schema: {
        summary: 'Finds what a principal can do, now or under conditions',
        description:
          'Every layer is counted: guardrails, boundary, identity policies. Rows are patterns; what depends on the request stands in `if` and `residue`. With a `resource` the policy on it is counted too.',
        tags: ['iam'],
        body: closed({
          principal: Type.Optional(principalSchema),
          action: Type.Optional(
            Type.String({ minLength: 1, maxLength: 512, description: 'only actions of this pattern' }),
          ),
          resource: Type.Optional(
            Type.String({ minLength: 1, maxLength: REQUEST_TEXT_MAX, description: 'only this one' }),
          ),
          context: Type.Optional(contextSchema),
          ...listQuery.properties,
        }),
        response: {
          200: Type.Intersect([
            listSchema(
              Type.Object({
                action: Type.String(),
                exceptActions: Type.Array(Type.String()),
                resource: Type.String(),
                exceptResources: Type.Array(Type.String()),
                ...abilityProperties,
                escalation: Type.Array(Type.String(), { description: 'Actions among them by which one gets more' }),
                needsResourcePolicy: Type.Boolean({ description: 'The policy on the resource has to let it too' }),
              }),
            ),
            Type.Object({ complete: Type.Boolean({ description: 'False where there was more than is looked at' }) }),
          ]),
        },
      },
      handler: async (request) => {
        const { principal, action, resource, context = {}, ...query } = request.body
        const { items, complete } = await iam.analysis.whatCan(principalAsked(iam, contextOf(request), principal), {
          context: new Map(Object.entries(context)),
          ...(action === undefined ? {} : { action }),
          ...(resource === undefined ? {} : { resource }),
        })
        const places = new Map(items.map((item, index) => [item, String(index).padStart(6, '0')]))
        const found = page(items, query, { placeOf: (item) => places.get(item) ?? '', compileFilter })
        return {
          ...found,
          items: found.items.map((item) => ({
            ...item,
            statements: [...item.statements],
            exceptActions: [...item.exceptActions],
            exceptResources: [...item.exceptResources],
            escalation: [...item.escalation],
          })),
          complete,
        }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/diff',
      config: { access: { action: 'iam:pdp:diff', resource: PDP, audit: 'refusals' } },
      schema: {
        summary: 'Tells what a change of policies would grant and take, and whom; it is not made',
        description:
          'Over every action, resource and condition that the policies tell apart. What lets its holder get more comes first. Takes `iam:policy:get` on all policies, since the answer tells what they say.',
        tags: ['iam'],
        body: closed({
          change: Type.Optional(changeSchema),
          before: Type.Optional(
            Type.Array(documentText, { maxItems: 20, description: 'Instead of `change`: documents' }),
          ),
          after: Type.Optional(Type.Array(documentText, { maxItems: 20 })),
          kind: Type.Optional(Type.Enum(policyKinds, { description: 'What the documents are attached as' })),
        }),
        response: {
          200: Type.Object({
            gains: Type.Array(accessRowSchema),
            loses: Type.Array(accessRowSchema),
            complete: Type.Boolean({ description: 'False where there was more than is compared' }),
          }),
        },
      },
      handler: async (request) => {
        const { principal } = contextOf(request)
        const { change, before, after, kind } = request.body
        if ((change === undefined) === (before === undefined && after === undefined)) {
          throw iamError('iam.analysis.malformed', 'give either a `change`, or documents as `before` and `after`')
        }
        await requirePolicyReader(iam, principal)
        const found = change
          ? await iam.analysis.diff(principal.account, change as ProposedChange)
          : comparePolicyTexts(before ?? [], after ?? [], kind)
        return { ...found, gains: found.gains.map(rowForm), loses: found.loses.map(rowForm) }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/organization/guardrails/dry-run',
      config: {
        access: {
          action: 'iam:organization:dryRunGuardrail',
          resource: 'arn:rampart:iam::{account}:organization/guardrails',
          audit: 'refusals',
        },
      },
      schema: {
        summary: 'Tells what a change of guardrails would break, by the allowed requests of the last days',
        description:
          'Each kind of request that was allowed is decided as policies are now, without the change and with it; nothing is changed. What was not kept is counted in `lost`.',
        tags: ['iam'],
        body: closed({
          change: Type.Union([...guardrailChanges]),
          days: Type.Optional(Type.Integer({ minimum: 1, maximum: USE_RETENTION_DAYS, description: 'default 30' })),
        }),
        response: {
          200: Type.Object({
            breaks: Type.Array(
              Type.Object({
                account: Type.String(),
                principal: Type.String(),
                action: Type.String(),
                resource: Type.String(),
                count: Type.Integer(),
                lastAt: Type.String({ format: 'date-time' }),
                layer: Type.String(),
                node: Type.Optional(Type.String()),
                statements: texts,
                sometimes: Type.Boolean({ description: 'Only at some of the hours at which it happened' }),
              }),
            ),
            breakCount: Type.Integer(),
            requests: Type.Integer(),
            shapes: Type.Integer({ description: 'Kinds of requests looked at' }),
            stale: Type.Integer({ description: 'Kinds that are refused by now already' }),
            lost: Type.Integer({ description: 'Allowed requests that were not kept' }),
            complete: Type.Boolean(),
          }),
        },
      },
      handler: async (request) => {
        const { account } = contextOf(request).principal
        const { change, days = 30 } = request.body
        const found = await iam.analysis.dryRun(account, change as GuardrailChange, days)
        const breaks = found.breaks.map(({ lastAt, node, statements, ...one }) => ({
          ...one,
          lastAt: formatInstant(lastAt),
          statements: [...statements],
          ...(node === undefined ? {} : { node }),
        }))
        return { ...found, breaks }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/analyze',
      config: { access: { action: 'iam:pdp:analyze', resource: PDP, audit: 'refusals' } },
      schema: {
        summary:
          'Finds what somebody should look at: redundant, dead, unused and over-wide statements, escalation paths',
        description:
          'Of the policies of the account, or of `documents`. The worst comes first. What was not used for 90 days is called unused, once uses have been counted for so long (`watchedSince`). Takes `iam:policy:get` on all policies.',
        tags: ['iam'],
        body: closed({
          documents: Type.Optional(Type.Array(documentText, { minItems: 1, maxItems: 20 })),
          kind: Type.Optional(Type.Enum(policyKinds, { description: 'What the documents are attached as' })),
          ...listQuery.properties,
        }),
        response: {
          200: Type.Intersect([
            listSchema(
              Type.Object({
                code: Type.String(),
                severity: Type.Enum(severities),
                subject: Type.String({ description: 'The policy, user or role it is about' }),
                statement: Type.Optional(Type.String()),
                line: Type.Optional(Type.Integer()),
                column: Type.Optional(Type.Integer()),
                message: Type.String(),
                advice: Type.String(),
                path: Type.Optional(
                  Type.Array(
                    Type.Object({
                      from: Type.String(),
                      action: Type.String(),
                      resource: Type.String(),
                      to: Type.String(),
                      if: Type.Optional(Type.String()),
                    }),
                  ),
                ),
              }),
            ),
            Type.Object({
              complete: Type.Boolean(),
              watchedSince: Type.Optional(Type.String({ format: 'date-time' })),
            }),
          ]),
        },
      },
      handler: async (request) => {
        const { principal } = contextOf(request)
        const { documents, kind, ...query } = request.body
        await requirePolicyReader(iam, principal)
        const texts = documents?.map((text, index) => ({ id: `document ${index + 1}`, text }))
        const { findings, complete, watchedSince } = texts
          ? { findings: analyzeTexts(texts, kind), complete: true, watchedSince: undefined }
          : await iam.analysis.analyze(principal.account)
        const places = new Map(findings.map((finding, index) => [finding, String(index).padStart(6, '0')]))
        const found = page(findings, query, { placeOf: (finding) => places.get(finding) ?? '', compileFilter })
        return {
          ...found,
          items: found.items.map(({ path, ...finding }) => ({ ...finding, ...(path ? { path: [...path] } : {}) })),
          complete,
          ...(watchedSince === undefined ? {} : { watchedSince: formatInstant(watchedSince) }),
        }
      },
    })

    const settings = Type.Object({
      refuseNewAccess: Type.Boolean({ description: 'Changes that give new access have to be acknowledged' }),
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/settings',
      config: { access: { action: 'iam:account:getSettings', resource: ACCOUNT } },
      schema: { summary: 'Settings of the account', tags: ['iam'], response: { 200: settings } },
      handler: async (request) => ({
        refuseNewAccess: await iam.analysis.refusesNewAccess(contextOf(request).principal.account),
      }),
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/settings',
      config: { access: { action: 'iam:account:putSettings', resource: ACCOUNT } },
      schema: {
        summary: 'Sets whether changes that give new access have to be acknowledged',
        description:
          'With `refuseNewAccess` every change of identities and policies, by whichever protocol, is compared before it is made; one that would let anybody do more is refused (`iam.access.isNew`) with what it would give, unless the request carries `X-Rampart-Allow-New-Access: true`.',
        tags: ['iam'],
        body: closed(settings.properties),
        response: { 200: settings },
      },
      handler: async (request) => {
        const { refuseNewAccess } = request.body
        await iam.analysis.setRefusesNewAccess(contextOf(request).principal.account, refuseNewAccess)
        return { refuseNewAccess }
      },
    })
  }
}

function rowForm(row: AccessRow) {
  const access = (one: AccessRow['before']) => ({ can: one.can, ...('if' in one && one.if ? { if: one.if } : {}) })
  return {
    ...row,
    before: access(row.before),
    after: access(row.after),
    exceptActions: [...row.exceptActions],
    exceptResources: [...row.exceptResources],
    escalation: [...row.escalation],
    principals: row.principals.slice(0, PRINCIPALS_NAMED_MAX),
    principalCount: row.principals.length,
  }
}

/** Who is told what policies add up to could read them as well. @throws iam.pdp.notAllowed */
async function requirePolicyReader(iam: Iam, principal: Principal): Promise<void> {
  const resource = iamArn(principal.account, 'policy', '*')
  const { allowed, id } = await iam.authorizer.authorize({ principal, action: 'iam:policy:get', resource })
  if (allowed) return
  throw iamError('iam.pdp.notAllowed', 'the answer shows policies, which the caller may not read (iam:policy:get)', {
    extra: { decisionId: id },
  })
}

/** @throws iam.thing.absent */
function principalAsked(iam: Iam, { principal }: Context, arn: string | undefined): Principal {
  if (arn === undefined) return principal
  const found = iam.findPrincipal(principal.account, arn)
  if (!found) throw iamError('iam.thing.absent', `the account has no user or role \`${arn.slice(0, 200)}\``)
  return found
}
