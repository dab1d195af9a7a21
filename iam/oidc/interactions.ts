import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import { type AccountId, RampartError } from '../../platform/index.ts'
import type { ProvenUser } from '../sign-in.ts'
import type { SignInMethod } from '../sign-in-method.ts'
import type { User } from '../types.ts'
import { consentPage, formTarget, signInPage } from './pages.ts'
import type { Oidc } from './provider.ts'

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** What the browser gets: a page, or where to go on. */
export type Answer =
  | {
      readonly status: number
      readonly page: string
      readonly formTargets: readonly string[]
      /** The one script the page may run. */
      readonly script?: 'securityKey'
    }
  | { readonly location: string }

export interface InteractionRequest {
  readonly oidc: Oidc
  /** Where the service is reached. */
  readonly origin: string
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
  return pageOf(request, details, { status: 200, userName })
}

/** What the form on such a page was answered with. Whoever posts it holds the cookie and the id of the interaction,
 * which no other site has.
 * @param given.form as the browser sent it
 * @param given.onSignIn told that somebody tries to sign in, and then who it was */
export async function answerInteraction(
  request: InteractionRequest,
  given: {
    readonly form: URLSearchParams
    readonly sourceIp: string
    readonly onSignIn: (user?: User, error?: RampartError) => void
  },
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
  given.onSignIn()
  const userName = (given.form.get('userName') ?? '').slice(0, 128)
  try {
    const { user, authenticatedAt, method } = await prove(request, { ...given, userName })
    given.onSignIn(user)
    const ts = Math.floor(authenticatedAt / 1000)
    return await finish({ login: { accountId: user.id, ts, amr: [...AMR[method]], remember: false } })
  } catch (error) {
    if (!(error instanceof RampartError) || !error.code.startsWith('iam.signIn.')) throw error
    given.onSignIn(undefined, error)
    const { securityKeyOptions } = error.extra
    const problem =
      error.code === 'iam.signIn.mfaRequired'
        ? 'Type your password again, and the code of your authenticator or a recovery code, or use your security key.'
        : error.message
    return pageOf(request, details, {
      status: error.status,
      userName,
      problem,
      ...(typeof securityKeyOptions === 'object' && securityKeyOptions !== null ? { securityKeyOptions } : {}),
    })
  }
}

/** @see RFC 8176 (the values) */
const AMR: Readonly<Record<SignInMethod, readonly string[]>> = {
  password: ['pwd'],
  'password+otp': ['pwd', 'otp', 'mfa'],
  'password+webauthn': ['pwd', 'hwk', 'mfa'],
  webauthn: ['hwk', 'user', 'mfa'],
}

/** @throws iam.signIn.failed, iam.signIn.mfaRequired, iam.signIn.lockedOut, iam.signIn.busy */
function prove(
  { oidc, account, origin }: InteractionRequest,
  given: { readonly form: URLSearchParams; readonly userName: string; readonly sourceIp: string },
): Promise<ProvenUser> {
  const password = (given.form.get('password') ?? '').slice(0, 1024)
  const code = given.form.get('mfaCode')?.trim().slice(0, 64)
  const securityKey = securityKeyOf(given.form.get('securityKey'))
  if (securityKey !== undefined && password === '') return oidc.provePasskey({ account, securityKey, origin })
  return oidc.proveUser({
    accountId: account,
    userName: given.userName,
    password,
    origin,
    sourceIp: given.sourceIp,
    ...(code ? { code } : {}),
    ...(securityKey === undefined ? {} : { securityKey }),
  })
}

/** What is no JSON is the answer of no key. */
function securityKeyOf(text: string | null): unknown {
  if (!text) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return {}
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

interface Shown {
  readonly status: number
  readonly userName: string
  readonly problem?: string
  /** For the keys of the user whose password was right. Default: for whichever passkey the person picks. */
  readonly securityKeyOptions?: object
}

async function pageOf(request: InteractionRequest, details: Interaction, given: Shown): Promise<Answer> {
  const { provider, oidc, account, origin } = request
  const { params, prompt } = details
  const client = await provider.Client.find(String(params.client_id))
  const app = client?.clientName ?? String(params.client_id)
  const formTargets = formTarget(params.redirect_uri ?? client?.redirectUris?.[0])
  if (prompt.name === 'consent') {
    return { status: given.status, page: consentPage({ app, scopes: scopesOf(details) }), formTargets }
  }
  const securityKeyOptions = given.securityKeyOptions ?? (await oidc.passkeyOptions(account, origin))
  const page = signInPage({ app, ...given, ...(securityKeyOptions ? { securityKeyOptions } : {}) })
  return { status: given.status, page, formTargets, ...(securityKeyOptions ? { script: 'securityKey' } : {}) }
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
