import type { Context } from '../../../platform/index.ts'
import { iamError } from '../../errors.ts'
import type { Iam } from '../../iam.ts'
import type { NamedOperation } from '../operation.ts'
import { isoSeconds, type QueryInput } from '../query.ts'
import { accountOf, every, named } from './input.ts'

export function accessKeyOperations(iam: Iam): NamedOperation[] {
  const one = named('user', 'UserName')
  const userOf = (ctx: Context, input: QueryInput) => input.find('UserName') ?? ctx.principal.name
  return [
    [
      'CreateAccessKey',
      {
        action: 'iam:access-key:create',
        resource: one,
        async run(ctx, input) {
          const made = await iam.accessKeys.create(accountOf(ctx), userOf(ctx, input))
          return {
            AccessKey: {
              UserName: userOf(ctx, input),
              AccessKeyId: made.accessKeyId,
              Status: 'Active',
              SecretAccessKey: made.secretAccessKey.revealText(),
              CreateDate: isoSeconds(made.createdAt),
            },
          }
        },
      },
    ],
    [
      'ListAccessKeys',
      {
        action: 'iam:access-key:list',
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({
          AccessKeyMetadata: iam.accessKeys.list(accountOf(ctx), userOf(ctx, input)).map((key) => ({
            UserName: key.userName,
            AccessKeyId: key.id,
            Status: key.enabled ? 'Active' : 'Inactive',
            CreateDate: isoSeconds(key.createdAt),
          })),
          IsTruncated: false,
        }),
      },
    ],
    [
      'UpdateAccessKey',
      {
        action: 'iam:access-key:update',
        resource: one,
        async run(ctx, input) {
          const status = input.get('Status')
          if (status !== 'Active' && status !== 'Inactive')
            throw iamError('iam.aws.malformed', 'Status is Active or Inactive')
          await iam.accessKeys.setEnabled(
            accountOf(ctx),
            userOf(ctx, input),
            input.get('AccessKeyId'),
            status === 'Active',
          )
          return undefined
        },
      },
    ],
    [
      'GetAccessKeyLastUsed',
      {
        action: 'iam:access-key:getLastUsed',
        resource: every('user'),
        audit: 'refusals',
        run(ctx, input) {
          const key = iam.accessKeys.get(accountOf(ctx), input.get('AccessKeyId'))
          return {
            UserName: key.userName,
            AccessKeyLastUsed: {
              ...(key.lastUsedAt === undefined ? {} : { LastUsedDate: isoSeconds(key.lastUsedAt) }),
              ServiceName: 'N/A',
              Region: 'N/A',
            },
          }
        },
      },
    ],
    [
      'DeleteAccessKey',
      {
        action: 'iam:access-key:delete',
        resource: one,
        async run(ctx, input) {
          await iam.accessKeys.delete(accountOf(ctx), userOf(ctx, input), input.get('AccessKeyId'))
          return undefined
        },
      },
    ],
  ]
}
