import Provider, {
  type ClientMetadata,
  type Configuration,
  interactionPolicy,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import { type AccountId, assert, type Clock, type Sealer } from '../../platform/index.ts'
import { mayAct } from '../access/may-act.ts'
import type { Directory } from '../directory.ts'
import type { PasskeyProof, ProvenUser } from '../sign-in.ts'
import type { Log, User } from '../types.ts'
import { OidcAdapter } from './adapter.ts'
import { AppRegistrations } from './app-registrations.ts'
import { loadKeys } from './keys.ts'
import {
  contentSecurityPolicy,
  deviceCodePage,
  deviceConfirmPage,
  formTarget,
  messagePage,
  signOutPage,
} from './pages.ts'
import type { OidcStore } from './store.ts'

/** Keys of another process are seen within this time. */
const PROVIDER_TTL_MS = 3_600_000
const HOUR_SEC = 3600

/** What a user types at our sign-in page. */
interface Credentials {
  readonly accountId: string
  readonly userName: string
  readonly password: string
  readonly code?: string
  readonly securityKey?: unknown
  readonly origin: string
  readonly sourceIp: string
}

export interface OidcDeps {
  readonly directory: Directory
  readonly store: OidcStore
  /** Whether other processes change the directory too. */
  readonly shared: boolean
  readonly sealer: Sealer
  readonly clock: Clock
  readonly log: Log
  /** @throws iam.signIn.failed, iam.signIn.mfaRequired, iam.signIn.lockedOut, iam.signIn.busy */
  readonly proveUser: (credentials: Credentials) => Promise<ProvenUser>
  /** @throws iam.signIn.failed */
  readonly provePasskey: (proof: PasskeyProof) => Promise<ProvenUser>
  /** What a browser is given to ask for a passkey, or for a key of one user; undefined where it offers none. */
  readonly passkeyOptions: (account: AccountId, origin: string) => Promise<object | undefined>
  readonly userName: (account: AccountId, userId: string) => Promise<string | undefined>
  /** Origins that back-channel logout may reach at addresses of private use. */
  readonly privateOrigins?: readonly string[]
}

interface Made {
  readonly provider: Provider
  readonly issuer: string
  readonly until: number
}

/** The OpenID Connect providers: each account is an issuer of its own.
 * @see docs/decisions/0010-oidc-provider.md */
export class Oidc {
  readonly apps: AppRegistrations
  readonly #deps: OidcDeps
  readonly #providers = new Map<AccountId, Promise<Made>>()

  constructor(deps: OidcDeps) {
    this.#deps = deps
    this.apps = new AppRegistrations({ ...deps, validate: (account, metadata) => this.#validate(account, metadata) })
  }

  /** @param publicUrl of the service, without a trailing `/` @returns undefined where there is no such account */
  async provider(account: AccountId, publicUrl: string): Promise<Provider | undefined> {
    if (!this.#deps.directory.findAccount(account)) return undefined
    const issuer = `${publicUrl}/oidc/${account}`
    const known = await this.#providers.get(account)
    if (known && known.issuer === issuer && known.until > this.#deps.clock.now()) return known.provider
    // Those that come while it is made wait for the same.
    const making = this.#make(account, issuer)
    this.#providers.set(account, making)
    making.catch(() => this.#providers.delete(account))
    return (await making).provider
  }

  /** @throws iam.signIn.failed, iam.signIn.mfaRequired, iam.signIn.lockedOut, iam.signIn.busy */
  proveUser(credentials: Credentials): Promise<ProvenUser> {
    return this.#deps.proveUser(credentials)
  }

  /** @throws iam.signIn.failed */
  provePasskey(proof: PasskeyProof): Promise<ProvenUser> {
    return this.#deps.provePasskey(proof)
  }

  passkeyOptions(account: AccountId, origin: string): Promise<object | undefined> {
    return this.#deps.passkeyOptions(account, origin)
  }

  async #make(account: AccountId, issuer: string): Promise<Made> {
    const { clock, log } = this.#deps
    const keys = await loadKeys(account, this.#deps)
    const provider = new Provider(issuer, this.#configuration(account, issuer, keys))
    // The address and protocol that count are set by the route, from the trusted proxies and the issuer.
    provider.proxy = true
    provider.silent = true
    provider.on('server_error', (_ctx: unknown, error: unknown) =>
      log.error({ err: error, account }, 'OpenID Connect failed'),
    )
    provider.on('backchannel.error', (_ctx: unknown, error: unknown) =>
      log.warn({ err: error, account }, 'an application was not told of a sign-out'),
    )
    return { provider, issuer, until: Math.min(keys.changesAt, clock.now() + PROVIDER_TTL_MS) }
  }

  async #validate(account: AccountId, metadata: ClientMetadata): Promise<void> {
    const made = await this.#providers.get(account)
    const provider = made?.provider ?? (await this.provider(account, 'http://localhost'))
    assert(provider !== undefined, 'who registers an application has an account')
    await (provider.Client as unknown as { validate(metadata: ClientMetadata): Promise<void> }).validate(metadata)
  }

  #configuration(account: AccountId, issuer: string, keys: Awaited<ReturnType<typeof loadKeys>>): Configuration {
    const path = new URL(issuer).pathname
    const secure = issuer.startsWith('https:')
    const cookie = { httpOnly: true, sameSite: 'lax', signed: true, secure } as const
    return {
      adapter: (kind: string) => new OidcAdapter(kind, { ...this.#deps, account, apps: this.apps }),
      jwks: { keys: [...keys.jwks] },
      cookies: {
        keys: [...keys.cookieKeys],
        long: { ...cookie, path },
        short: cookie,
      },
      findAccount: async (_ctx, sub, token) => {
        const { authTime, iat } = (token ?? {}) as { authTime?: number; iat?: number }
        const user = await this.#standing(account, sub, authTime ?? iat)
        return user && { accountId: sub, claims: async () => claimsOf(user) }
      },
      interactions: {
        policy: this.#policy(account),
        url: (_ctx, interaction) => `${path}/interaction/${interaction.uid}`,
      },
      claims: {
        openid: ['sub', 'amr', 'auth_time'],
        profile: ['name', 'preferred_username'],
        groups: ['groups'],
        acr: null,
        iss: null,
        sid: null,
      },
      scopes: ['openid', 'offline_access'],
      responseTypes: ['code'],
      pkce: { required: () => true },
      clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      enabledJWA: {
        clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        idTokenSigningAlgValues: ['RS256'],
        userinfoSigningAlgValues: ['RS256'],
      },
      clientBasedCORS: (_ctx, origin, client) =>
        client.redirectUris?.some((uri) => URL.parse(uri)?.origin === origin && origin !== 'null') ?? false,
      rotateRefreshToken: () => true,
      issueRefreshToken: (_ctx, client, source) =>
        client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
      fetch: (url, options) => this.#fetch(url, options),
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        backchannelLogout: { enabled: true },
        introspection: {
          enabled: true,
          allowedPolicy: async (_ctx, client, token) =>
            client.tokenEndpointAuthMethod !== 'none' && token.clientId === client.clientId,
        },
        revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
        deviceFlow: {
          enabled: true,
          userCodeInputSource: async (ctx, form, _out, error) => {
            show(ctx, deviceCodePage(form, error && 'That code is not right, or its time is over.'))
          },
          userCodeConfirmSource: async (ctx, form, client, _device, code) => {
            show(ctx, deviceConfirmPage(form, { app: client.clientName ?? client.clientId, code }))
          },
          successSource: async (ctx) =>
            show(ctx, messagePage('Connected', 'Your device is signed in. You can close this page.')),
        },
        rpInitiatedLogout: {
          enabled: true,
          logoutSource: async (ctx, form) => {
            const { postLogoutRedirectUri } = (ctx.oidc.session?.state ?? {}) as { postLogoutRedirectUri?: unknown }
            show(ctx, signOutPage(form), formTarget(postLogoutRedirectUri))
          },
          postLogoutSuccessSource: async (ctx) =>
            show(ctx, messagePage('Signed out', 'You are signed out. You can close this page.')),
        },
      },
      ttl: {
        AccessToken: HOUR_SEC,
        AuthorizationCode: 60,
        ClientCredentials: HOUR_SEC,
        DeviceCode: 600,
        Grant: 14 * 24 * HOUR_SEC,
        IdToken: HOUR_SEC,
        Interaction: HOUR_SEC,
        RefreshToken: 14 * 24 * HOUR_SEC,
        Session: 12 * HOUR_SEC,
      },
      renderError: async (ctx, out) => {
        const { error, error_description: description } = out
        show(ctx, messagePage('That did not work', [error, description].filter(Boolean).join(': ')))
      },
    }
  }

  /** Beside the usual reasons to ask for a password again: the sign-in was ended here. */
  #policy(account: AccountId) {
    const policy = interactionPolicy.base()
    const { Check } = interactionPolicy
    policy.get('login')?.checks.add(
      new Check('sign_in_ended', 'the sign-in was ended; sign in again', async ({ oidc: { session } }) => {
        if (session?.accountId === undefined) return Check.NO_NEED_TO_PROMPT
        const user = await this.#standing(account, session.accountId, session.loginTs)
        return user ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT
      }),
    )
    return policy
  }

  /** The user of a subject, where it may still do what a sign-in of `sinceSec` gave.
   * INVARIANT (revocation): as for our own tokens, disabling or deleting a user, a new password and revoking sessions
   * count from the next request on. */
  async #standing(account: AccountId, userId: string, sinceSec: number | undefined): Promise<User | undefined> {
    const { directory, userName, shared, clock } = this.#deps
    if (shared) await directory.catchUp()
    const name = await userName(account, userId)
    const user = name === undefined ? undefined : directory.findUser(account, name)
    if (user?.id !== userId || !mayAct(user, clock.now())) return undefined
    // Whole seconds: the second in which it happened counts for the user.
    if (sinceSec !== undefined && (sinceSec + 1) * 1000 <= user.tokensValidAfter) return undefined
    return user
  }

  /** oidc-provider's dispatcher refuses addresses of private use; the operator may name origins that are meant. */
  #fetch(
    url: string | URL | Request,
    options: (RequestInit & { dispatcher?: unknown }) | undefined,
  ): Promise<Response> {
    if (!this.#deps.privateOrigins?.includes(new URL(url instanceof Request ? url.url : url).origin))
      return fetch(url, options)
    const { dispatcher: _, ...plain } = options ?? {}
    return fetch(url, plain)
  }
}

function claimsOf(user: User) {
  return { sub: user.id, name: user.name, preferred_username: user.name, groups: [...user.groups] }
}

function show(ctx: KoaContextWithOIDC, body: string, formTargets: readonly string[] = []): void {
  ctx.set('content-security-policy', contentSecurityPolicy(formTargets))
  ctx.type = 'html'
  ctx.body = body
}
