import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import { type AccountId, RampartError } from '../../platform/index.ts'
import { consentPage, formTarget, signInPage } from './pages.ts'
import type { Oidc } from './provider.ts'

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** What the browser gets: a page, or where to go on. */
export type Answer =
  | { readonly status: number; readonly page: string; readonly formTargets: readonly string[] }
  | { readonly location: string }

export interface InteractionRequest {
  readonly account: AccountId
  readonly provider: Provider
  readonly uid: string
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/** The page of a sign-in or consent that is under way; undefined where this browser has none of that id. */
export async function showInteraction(request: InteractionRequest): Promise<Answer | undefined> {
  const details = await find(request)
  if (!details) return undefined
  const userName = typeof details.params.login_hint === 'string' ? details.params.login_hint.slice(0, 128) : ''
  return pageOf(request.provider, details, { status: 200, userName })
}

/** What the form on such a page was answered with. Whoever posts it holds the cookie and the id of the interaction,
 * which no other site has.
 * @param form as the browser sent it */
export async function answerInteraction(
  oidc: Oidc,
  request: InteractionRequest,
  given: { readonly form: URLSearchParams; readonly sourceIp: string },
): Promise<Answer | undefined> {
  const details = await find(request)
  if (!details) return undefined
  const { provider, req, res } = request
  const finish = async (result: Parameters<Provider['interactionResult']>[2]) => ({
    location: await provider.interactionResult(req, res, result, { mergeWithLastSubmission: !('error' in result) }),
  })
  if (given.form.get('decision') !== 'allow') {
    return finish({ error: 'access_denied', error_description: 'the user refused' })
  }
  if (details.prompt.name === 'consent') return finish({ consent: { grantId: await grant(provider, details) } })
  const userName = given.form.get('userName') ?? ''
  const mfaCode = given.form.get('mfaCode')?.trim()
  try {
    const { user, authenticatedAt, mfa } = await oidc.proveUser({
      accountId: request.account,
      userName: userName.slice(0, 128),
      password: (given.form.get('password') ?? '').slice(0, 1024),
      sourceIp: given.sourceIp,
      ...(mfaCode ? { mfaCode: mfaCode.slice(0, 64) } : {}),
    })
    const amr = mfa ? ['pwd', 'otp', 'mfa'] : ['pwd']
    return await finish({ login: { accountId: user.id, ts: Math.floor(authenticatedAt / 1000), amr, remember: false } })
  } catch (error) {
    if (!(error instanceof RampartError) || !error.code.startsWith('iam.signIn.')) throw error
    const problem =
      error.code === 'iam.signIn.mfaRequired'
        ? 'Type your password again, and the code of your authenticator or a recovery code.'
        : error.message
    return pageOf(provider, details, { status: error.status, userName: userName.slice(0, 128), problem })
  }
}

async function find({ provider, uid, req, res }: InteractionRequest): Promise<Interaction | undefined> {
  try {
    const details = await provider.interactionDetails(req, res)
    return details.uid === uid ? details : undefined
  } catch (error) {
    if ((error as Error).name === 'SessionNotFound') return undefined
    throw error
  }
}

async function pageOf(
  provider: Provider,
  details: Interaction,
  given: { readonly status: number; readonly userName: string; readonly problem?: string },
): Promise<Answer> {
  const { params, prompt } = details
  const client = await provider.Client.find(String(params.client_id))
  const app = client?.clientName ?? String(params.client_id)
  const formTargets = formTarget(params.redirect_uri ?? client?.redirectUris?.[0])
  if (prompt.name === 'consent') {
    return { status: given.status, page: consentPage({ app, scopes: scopesOf(details) }), formTargets }
  }
  return { status: given.status, page: signInPage({ app, ...given }), formTargets }
}

/** What is asked for now, and what was allowed before and is given again. */
function scopesOf({ params }: Interaction): string[] {
  return String(params.scope ?? '')
    .split(' ')
    .filter(Boolean)
}

async function grant(provider: Provider, { grantId, session, params, prompt }: Interaction): Promise<string> {
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const made = known ?? new provider.Grant({ accountId: session?.accountId ?? '', clientId: String(params.client_id) })
  const details = prompt.details as { missingOIDCScope?: string[]; missingOIDCClaims?: string[] }
  if (details.missingOIDCScope) made.addOIDCScope(details.missingOIDCScope.join(' '))
  if (details.missingOIDCClaims) made.addOIDCClaims(details.missingOIDCClaims)
  return made.save()
}
