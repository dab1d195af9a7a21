import { type AccountId, type Context, iamArn } from '../../../platform/index.ts'
import { iamError } from '../../errors.ts'
import type { Iam } from '../../iam.ts'
import { requireName } from '../../names.ts'
import type { NamedOperation } from '../operation.ts'
import { isoSeconds, type QueryInput } from '../query.ts'

/** The issuer is the name, since that is what such tools know one by. */
export function identityProviderOperations({ identityProviders }: Iam): NamedOperation[] {
  const prefix = (account: AccountId) => iamArn(account, 'oidc-provider', '')
  const one = (input: QueryInput) => input.get('OpenIDConnectProviderArn')
  const nameIn = (ctx: Context, input: QueryInput): string => {
    const arn = one(input)
    const start = prefix(ctx.principal.account)
    if (!arn.startsWith(start)) throw iamError('iam.thing.absent', 'no such identity provider in this account')
    return arn.slice(start.length)
  }
  const nameOfUrl = (url: string) => url.replace(/^https?:\/\//, '').replace(/[^A-Za-z0-9_.-]/g, '_')
  return [
    [
      'CreateOpenIDConnectProvider',
      {
        action: 'iam:identity-provider:create',
        resource: (input, account) => iamArn(account, 'oidc-provider', nameOfUrl(input.get('Url'))),
        async run(ctx, input) {
          const issuer = input.get('Url')
          const name = nameOfUrl(issuer)
          requireName('identity provider', name)
          const known = await identityProviders.list(ctx.principal.account)
          if (known.some((provider) => provider.name === name)) {
            throw iamError('iam.thing.exists', `there is an identity provider of \`${issuer}\` already`)
          }
          const audiences = input.list('ClientIDList')
          const { arn } = await identityProviders.put(ctx.principal.account, { name, issuer, audiences })
          return { OpenIDConnectProviderArn: arn }
        },
      },
    ],
    [
      'GetOpenIDConnectProvider',
      {
        action: 'iam:identity-provider:get',
        resource: one,
        audit: 'refusals',
        async run(ctx, input) {
          const provider = await identityProviders.get(ctx.principal.account, nameIn(ctx, input))
          return {
            Url: provider.issuer.replace(/^https:\/\//, ''),
            ClientIDList: [...provider.audiences],
            ThumbprintList: [],
            CreateDate: isoSeconds(provider.createdAt),
          }
        },
      },
    ],
    [
      'ListOpenIDConnectProviders',
      {
        action: 'iam:identity-provider:list',
        resource: (_, account) => iamArn(account, 'oidc-provider', '*'),
        audit: 'refusals',
        run: async (ctx) => ({
          OpenIDConnectProviderList: (await identityProviders.list(ctx.principal.account)).map(({ arn }) => ({
            Arn: arn,
          })),
        }),
      },
    ],
    [
      'DeleteOpenIDConnectProvider',
      {
        action: 'iam:identity-provider:delete',
        resource: one,
        async run(ctx, input) {
          await identityProviders.delete(ctx.principal.account, nameIn(ctx, input))
          return undefined
        },
      },
    ],
  ]
}
