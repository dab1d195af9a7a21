import type { Iam } from '../../iam.ts'
import { tagContext } from '../../tagging.ts'
import type { Tags } from '../../types.ts'
import type { NamedOperation, SignedQueryOperation } from '../operation.ts'
import type { QueryInput } from '../query.ts'
import { tagList } from './forms.ts'
import { accountOf, named } from './input.ts'

export function tagOperations(iam: Iam, kind: 'user' | 'role'): NamedOperation[] {
  const noun = kind === 'user' ? 'User' : 'Role'
  const nouns = iam[`${kind}s`]
  const one = named(kind, `${noun}Name`)
  const change = (action: string, next: (tags: Tags, input: QueryInput) => Tags): SignedQueryOperation => ({
    action,
    resource: one,
    context: (input) => tagContext(input.tags('Tags'), [...Object.keys(input.tags('Tags')), ...input.list('TagKeys')]),
    async run(ctx, input) {
      const holder = nouns.get(accountOf(ctx), input.get(`${noun}Name`))
      await iam.tagging.set(ctx.principal, { kind, name: holder.name }, next(holder.tags, input))
      return undefined
    },
  })
  return [
    [`Tag${noun}`, change(`iam:${kind}:tag`, (tags, input) => ({ ...tags, ...input.tags('Tags') }))],
    [
      `Untag${noun}`,
      change(`iam:${kind}:untag`, (tags, input) => {
        const gone = new Set(input.list('TagKeys'))
        return Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.has(key)))
      }),
    ],
    [
      `List${noun}Tags`,
      {
        action: `iam:${kind}:listTags`,
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({
          Tags: tagList(nouns.get(accountOf(ctx), input.get(`${noun}Name`)).tags),
          IsTruncated: false,
        }),
      },
    ],
  ]
}
