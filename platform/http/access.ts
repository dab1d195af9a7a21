import { type AccountId, REGION } from '../base/arn.ts'
import type { ContextValue } from '../ports.ts'

/** What a caller must be allowed to do to use a route, or why anybody may. Every route has one; the server refuses to
 * start otherwise. */
export type Access =
  | {
      /** `service:type:operation`. */
      readonly action: string
      /** An ARN whose `{account}`, `{region}` and `{<path parameter>}` are filled in for each request. */
      readonly resource: string
      /** `change`: each call is audited. `refusals`: only those refused. Default: `refusals` for GET, else `change`. */
      readonly audit?: 'change' | 'refusals'
      /** Context keys that the body brings, as it was parsed and before it is validated: who may do it depends on them. */
      context?(body: unknown): ReadonlyMap<string, ContextValue>
    }
  | { readonly public: string }
  | { readonly operations: Operations }

/** A route over many operations, as foreign protocols have them: which one is asked for is known when the body is read,
 * and each has an access of its own. */
export interface Operations {
  /** Signing names spoken here; a request signed for another is refused. */
  readonly services: readonly string[]
  readonly list: readonly OperationAccess[]
  /** @param service it is signed for, or undefined for an unsigned one
   * @throws where there is no such operation */
  find(request: OperationRequest): OperationAccess
}

export interface OperationRequest {
  readonly service: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export type OperationAccess = { readonly name: string; readonly audit?: 'change' | 'refusals' } & (
  | {
      readonly action: string
      resource(account: AccountId, body: Buffer): string
      context?(body: Buffer): ReadonlyMap<string, ContextValue>
    }
  /** Whoever has credentials may ask; the operation itself decides further. */
  | { readonly action: string; readonly callerOnly: string }
  | { readonly public: string }
)

/** What may stand in a path parameter that becomes part of a resource name: nothing that a policy reads as a separator
 * between parts. */
const RESOURCE_PARAMETER = /^[A-Za-z0-9._@+=-][A-Za-z0-9._:@+=-]{0,255}$/
const ACTION = /^[a-z0-9-]+:[a-z0-9-]+:[A-Za-z0-9-]+$/
const PLACEHOLDER = /\{([A-Za-z]+)\}/g

/** Why an `access` cannot stand on a route of this path, or undefined if it can. */
export function accessProblem(access: unknown, url: string): string | undefined {
  if (typeof access !== 'object' || access === null) return 'declares no access'
  if ('operations' in access) return undefined
  const declared = access as Partial<Record<'public' | 'action' | 'resource', string>>
  if (declared.public !== undefined) return declared.public.length < 10 ? 'is public without a reason' : undefined
  if (!declared.action || !ACTION.test(declared.action)) return `has no action of the form service:type:operation`
  if (!declared.resource?.startsWith('arn:rampart:')) return 'has no resource name'
  for (const [, name] of declared.resource.matchAll(PLACEHOLDER)) {
    if (name === 'account' || name === 'region') continue
    if (!new RegExp(`:${name}(?![A-Za-z])`).test(url)) return `names {${name}} in its resource, which its path has not`
  }
  return undefined
}

/** The resource of one request; undefined when a path parameter holds what no name of a resource may. */
export function resolveResource(
  template: string,
  account: AccountId,
  params: Readonly<Record<string, string>>,
): string | undefined {
  let valid = true
  const resource = template.replace(PLACEHOLDER, (_, name: string) => {
    if (name === 'account') return account
    if (name === 'region') return REGION
    const value = params[name] ?? ''
    if (!RESOURCE_PARAMETER.test(value)) valid = false
    return value
  })
  return valid ? resource : undefined
}

/** True when calls to this route are audited even if they succeed. */
export function auditsSuccess(access: Access, method: string): boolean {
  if ('public' in access || 'operations' in access) return false
  return (access.audit ?? (method === 'GET' ? 'refusals' : 'change')) === 'change'
}
