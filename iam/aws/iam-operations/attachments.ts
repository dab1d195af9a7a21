import type { Context } from '../../../platform/index.ts'
import { iamError } from '../../errors.ts'
import type { Iam } from '../../iam.ts'
import type { Holder, HolderKind } from '../../types.ts'
import type { NamedOperation } from '../operation.ts'
import { encodeDocument, type QueryInput } from '../query.ts'
import { attachedForm } from './forms.ts'
import { accountOf, named } from './input.ts'

/** Attached and inline policies, and boundaries. */
export function holderOperations(iam: Iam, kind: HolderKind): NamedOperation[] {
  const noun = { user: 'User', group: 'Group', role: 'Role' }[kind]
  const one = named(kind, `${noun}Name`)
  const holderOf = (input: QueryInput) => ({ kind, name: input.get(`${noun}Name`) })
  const found = (ctx: Context, input: QueryInput): Holder =>
    iam[`${kind}s`].get(accountOf(ctx), input.get(`${noun}Name`))
  const operations: NamedOperation[] = [
    [
      `Attach${noun}Policy`,
      {
        action: `iam:${kind}:attachPolicy`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.attach(accountOf(ctx), holderOf(input), input.get('PolicyArn'))
          return undefined
        },
      },
    ],
    [
      `Detach${noun}Policy`,
      {
        action: `iam:${kind}:detachPolicy`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.detach(accountOf(ctx), holderOf(input), input.get('PolicyArn'))
          return undefined
        },
      },
    ],
    [
      `ListAttached${noun}Policies`,
      {
        action: `iam:${kind}:listPolicies`,
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({ AttachedPolicies: attachedForm(found(ctx, input)), IsTruncated: false }),
      },
    ],
    [
      `Put${noun}Policy`,
      {
        action: `iam:${kind}:putInlinePolicy`,
        resource: one,
        async run(ctx, input) {
          const name = input.get('PolicyName')
          await iam.attachments.putInline(accountOf(ctx), holderOf(input), name, input.get('PolicyDocument'))
          return undefined
        },
      },
    ],
    [
      `Get${noun}Policy`,
      {
        action: `iam:${kind}:getInlinePolicy`,
        resource: one,
        audit: 'refusals',
        run(ctx, input) {
          const holder = found(ctx, input)
          const name = input.get('PolicyName')
          const inline = holder.inline.get(name)
          if (!inline) throw iamError('iam.thing.absent', `\`${holder.name}\` has no inline policy \`${name}\``)
          return { [`${noun}Name`]: holder.name, PolicyName: name, PolicyDocument: encodeDocument(inline.document) }
        },
      },
    ],
    [
      `Delete${noun}Policy`,
      {
        action: `iam:${kind}:deleteInlinePolicy`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.deleteInline(accountOf(ctx), holderOf(input), input.get('PolicyName'))
          return undefined
        },
      },
    ],
    [
      `List${noun}Policies`,
      {
        action: `iam:${kind}:listInlinePolicies`,
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({ PolicyNames: [...found(ctx, input).inline.keys()], IsTruncated: false }),
      },
    ],
  ]
  if (kind === 'group') return operations
  return [
    ...operations,
    [
      `Put${noun}PermissionsBoundary`,
      {
        action: `iam:${kind}:putBoundary`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.setBoundary(accountOf(ctx), holderOf(input), input.get('PermissionsBoundary'))
          return undefined
        },
      },
    ],
    [
      `Delete${noun}PermissionsBoundary`,
      {
        action: `iam:${kind}:deleteBoundary`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.setBoundary(accountOf(ctx), holderOf(input), undefined)
          return undefined
        },
      },
    ],
  ]
}
