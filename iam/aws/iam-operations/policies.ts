import type { Context } from '../../../platform/index.ts'
import { iamError } from '../../errors.ts'
import type { Iam } from '../../iam.ts'
import type { ManagedPolicy } from '../../types.ts'
import type { NamedOperation } from '../operation.ts'
import { encodeDocument, isoSeconds, type QueryInput } from '../query.ts'
import { policyForm } from './forms.ts'
import { accountOf, every, named, page, requireNoPath } from './input.ts'

const policyNamed = (input: QueryInput) => input.get('PolicyArn')

export function policyOperations(iam: Iam): NamedOperation[] {
  const ownName = (ctx: Context, input: QueryInput): string => {
    const arn = input.get('PolicyArn')
    const { account, name } = iam.policies.get(accountOf(ctx), arn)
    if (account === 'rampart') throw iamError('iam.policy.platform', `\`${arn}\` belongs to the platform`)
    return name
  }
  const versionOf = (input: QueryInput): number => {
    const found = /^v([1-9][0-9]{0,8})$/.exec(input.get('VersionId'))
    if (!found) throw iamError('iam.aws.malformed', 'VersionId is of the form v1')
    return Number(found[1])
  }
  const document = (input: QueryInput) => ({ document: input.get('PolicyDocument') })
  return [
    [
      'CreatePolicy',
      {
        action: 'iam:policy:create',
        resource: named('policy', 'PolicyName'),
        async run(ctx, input) {
          requireNoPath(input)
          const description = input.find('Description')
          const policy = await iam.policies.create(accountOf(ctx), {
            name: input.get('PolicyName'),
            ...document(input),
            ...(description === undefined ? {} : { description }),
          })
          return { Policy: policyForm(policy) }
        },
      },
    ],
    [
      'GetPolicy',
      {
        action: 'iam:policy:get',
        resource: policyNamed,
        audit: 'refusals',
        run: (ctx, input) => ({ Policy: policyForm(iam.policies.get(accountOf(ctx), input.get('PolicyArn'))) }),
      },
    ],
    [
      'ListPolicies',
      {
        action: 'iam:policy:list',
        resource: every('policy'),
        audit: 'refusals',
        run(ctx, input) {
          const scope = input.find('Scope') ?? 'All'
          const policies = iam.policies
            .list(accountOf(ctx))
            .filter(({ account }) => scope === 'All' || (account === 'rampart') === (scope === 'AWS'))
            .sort((a, b) => (a.arn < b.arn ? -1 : 1))
          const { part, tail } = page(input, policies, ({ arn }) => arn)
          return { Policies: part.map(policyForm), ...tail }
        },
      },
    ],
    [
      'DeletePolicy',
      {
        action: 'iam:policy:delete',
        resource: policyNamed,
        async run(ctx, input) {
          await iam.policies.delete(accountOf(ctx), ownName(ctx, input))
          return undefined
        },
      },
    ],
    [
      'CreatePolicyVersion',
      {
        action: 'iam:policy:createVersion',
        resource: policyNamed,
        async run(ctx, input) {
          const setDefault = input.find('SetAsDefault') === 'true'
          const made = await iam.policies.createVersion(accountOf(ctx), ownName(ctx, input), {
            ...document(input),
            setDefault,
          })
          return { PolicyVersion: versionForm(made) }
        },
      },
    ],
    [
      'GetPolicyVersion',
      {
        action: 'iam:policy:getVersion',
        resource: policyNamed,
        audit: 'refusals',
        async run(ctx, input) {
          const wanted = versionOf(input)
          const policy = iam.policies.get(accountOf(ctx), input.get('PolicyArn'))
          const versions = await versionsOf(iam, ctx, policy)
          const found = versions.find(({ version }) => version === wanted)
          if (!found) throw iamError('iam.thing.absent', `the policy has no version v${wanted}`)
          return { PolicyVersion: { ...versionForm(found), Document: encodeDocument(found.document) } }
        },
      },
    ],
    [
      'ListPolicyVersions',
      {
        action: 'iam:policy:listVersions',
        resource: policyNamed,
        audit: 'refusals',
        async run(ctx, input) {
          const policy = iam.policies.get(accountOf(ctx), input.get('PolicyArn'))
          return { Versions: (await versionsOf(iam, ctx, policy)).map(versionForm), IsTruncated: false }
        },
      },
    ],
    [
      'SetDefaultPolicyVersion',
      {
        action: 'iam:policy:setDefaultVersion',
        resource: policyNamed,
        async run(ctx, input) {
          await iam.policies.setDefaultVersion(accountOf(ctx), ownName(ctx, input), versionOf(input))
          return undefined
        },
      },
    ],
    [
      'DeletePolicyVersion',
      {
        action: 'iam:policy:deleteVersion',
        resource: policyNamed,
        async run(ctx, input) {
          await iam.policies.deleteVersion(accountOf(ctx), ownName(ctx, input), versionOf(input))
          return undefined
        },
      },
    ],
  ]
}

interface VersionForm {
  readonly version: number
  readonly isDefault: boolean
  readonly createdAt: number
}

const versionForm = ({ version, isDefault, createdAt }: VersionForm) => ({
  VersionId: `v${version}`,
  IsDefaultVersion: isDefault,
  CreateDate: isoSeconds(createdAt),
})

async function versionsOf(iam: Iam, ctx: Context, policy: ManagedPolicy) {
  if (policy.account !== 'rampart') return iam.policies.versions(accountOf(ctx), policy.name)
  return [{ version: 1, isDefault: true, createdAt: policy.createdAt, document: policy.document }]
}
