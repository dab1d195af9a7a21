import { randomBytes } from 'node:crypto'
import { type ClientMetadata, errors, type JWK } from 'oidc-provider'
import { type AccountId, type Clock, type Sealer, Secret, uuidv7 } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import { APP_REGISTRATIONS_MAX } from '../limits.ts'
import type { AppRow, OidcStore } from './store.ts'

export const grantTypes = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
] as const

export const authMethods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const

/** What an administrator says of an application that signs users in here. */
export interface AppInput {
  readonly name: string
  readonly applicationType?: 'web' | 'native'
  readonly redirectUris?: readonly string[]
  readonly postLogoutRedirectUris?: readonly string[]
  readonly grantTypes?: readonly (typeof grantTypes)[number][]
  readonly authMethod?: (typeof authMethods)[number]
  /** Public keys, for `private_key_jwt`. */
  readonly jwks?: { readonly keys: readonly object[] }
  readonly backchannelLogoutUri?: string
}

export interface App extends Required<Omit<AppInput, 'jwks' | 'backchannelLogoutUri'>> {
  readonly id: string
  readonly createdAt: number
  readonly backchannelLogoutUri?: string
}

export interface AppRegistrationsDeps {
  readonly store: OidcStore
  readonly sealer: Sealer
  readonly clock: Clock
  /** Has oidc-provider judge what it will be given. */
  readonly validate: (account: AccountId, metadata: ClientMetadata) => Promise<void>
}

/** The applications of accounts: relying parties, devices and services. */
export class AppRegistrations {
  readonly #deps: AppRegistrationsDeps

  constructor(deps: AppRegistrationsDeps) {
    this.#deps = deps
  }

  async list(account: AccountId): Promise<App[]> {
    const rows = await this.#deps.store.apps(account)
    return Promise.all(rows.map((row) => this.#read(row)))
  }

  /** @throws iam.thing.absent */
  async get(account: AccountId, id: string): Promise<App> {
    const row = await this.#deps.store.app(account, id)
    if (!row) throw absent(id)
    return this.#read(row)
  }

  /** @returns with a secret where the application proves itself by one: told once
   * @throws iam.app.malformed, iam.limit.reached */
  async create(account: AccountId, input: AppInput): Promise<{ readonly app: App; readonly secret?: Secret }> {
    const id = uuidv7(this.#deps.clock)
    const secret = needsSecret(input) ? makeSecret() : undefined
    const metadata = metadataOf(id, input, secret)
    await this.#validate(account, metadata)
    const row = {
      account,
      id,
      name: input.name,
      sealed_metadata: await this.#seal(account, id, metadata),
      created_at: this.#deps.clock.now(),
    }
    if (!(await this.#deps.store.insertApp(row, APP_REGISTRATIONS_MAX))) {
      throw iamError('iam.limit.reached', `an account has at most ${APP_REGISTRATIONS_MAX} app registrations`)
    }
    return { app: appOf(row, metadata), ...(secret ? { secret } : {}) }
  }

  /** Replaces all but the secret. @returns a secret where it needs one and had none
   * @throws iam.thing.absent, iam.app.malformed */
  async replace(
    account: AccountId,
    id: string,
    input: AppInput,
  ): Promise<{ readonly app: App; readonly secret?: Secret }> {
    const row = await this.#deps.store.app(account, id)
    if (!row) throw absent(id)
    const old = (await this.#open(row)).client_secret
    const made = needsSecret(input) && old === undefined ? makeSecret() : undefined
    const kept = needsSecret(input) && old !== undefined ? new Secret(old) : undefined
    const metadata = metadataOf(id, input, made ?? kept)
    await this.#validate(account, metadata)
    const changed = { ...row, name: input.name, sealed_metadata: await this.#seal(account, id, metadata) }
    const { name, sealed_metadata } = changed
    if (!(await this.#deps.store.updateApp(account, id, { name, sealed_metadata }))) throw absent(id)
    return { app: appOf(changed, metadata), ...(made ? { secret: made } : {}) }
  }

  /** Another secret; the old one is good no longer. @throws iam.thing.absent, iam.app.malformed */
  async rotateSecret(account: AccountId, id: string): Promise<Secret> {
    const row = await this.#deps.store.app(account, id)
    if (!row) throw absent(id)
    const metadata = await this.#open(row)
    if (metadata.client_secret === undefined) {
      throw iamError('iam.app.malformed', 'this application does not prove itself by a secret')
    }
    const secret = makeSecret()
    const sealed = await this.#seal(account, id, { ...metadata, client_secret: secret.revealText() })
    if (!(await this.#deps.store.updateApp(account, id, { sealed_metadata: sealed }))) throw absent(id)
    return secret
  }

  /** Its tokens are good no longer. @throws iam.thing.absent */
  async delete(account: AccountId, id: string): Promise<void> {
    if (!(await this.#deps.store.deleteApp(account, id))) throw absent(id)
  }

  /** What oidc-provider is told of a client. */
  async clientMetadata(account: AccountId, id: string): Promise<ClientMetadata | undefined> {
    const row = await this.#deps.store.app(account, id)
    return row && this.#open(row)
  }

  async #validate(account: AccountId, metadata: ClientMetadata): Promise<void> {
    requireSafeUris(metadata)
    try {
      await this.#deps.validate(account, metadata)
    } catch (error) {
      if (!(error instanceof errors.OIDCProviderError)) throw error
      throw iamError('iam.app.malformed', error.error_description ?? error.message, { cause: error })
    }
  }

  async #read(row: AppRow): Promise<App> {
    return appOf(row, await this.#open(row))
  }

  async #open(row: AppRow): Promise<ClientMetadata> {
    const opened = await this.#deps.sealer.open(row.sealed_metadata, purposeOf(row.account, row.id))
    return JSON.parse(opened.toString('utf8')) as ClientMetadata
  }

  #seal(account: AccountId, id: string, metadata: ClientMetadata): Promise<Uint8Array> {
    return this.#deps.sealer.seal(Buffer.from(JSON.stringify(metadata), 'utf8'), purposeOf(account, id))
  }
}

function purposeOf(account: string, id: string): string {
  return `iam/app-registration/${account}/${id}`
}

function absent(id: string) {
  return iamError('iam.thing.absent', `there is no app registration \`${id.slice(0, 80)}\``)
}

function makeSecret(): Secret {
  return new Secret(randomBytes(32).toString('base64url'))
}

function needsSecret({ authMethod }: AppInput): boolean {
  return authMethod === 'client_secret_basic' || authMethod === 'client_secret_post'
}

function metadataOf(id: string, input: AppInput, secret: Secret | undefined): ClientMetadata {
  const grants = input.grantTypes ?? ['authorization_code']
  const authMethod = input.authMethod ?? 'none'
  const { jwks } = input
  return {
    client_id: id,
    client_name: input.name,
    application_type: input.applicationType ?? 'web',
    redirect_uris: [...(input.redirectUris ?? [])],
    post_logout_redirect_uris: [...(input.postLogoutRedirectUris ?? [])],
    grant_types: [...grants],
    response_types: grants.includes('authorization_code') ? ['code'] : [],
    token_endpoint_auth_method: authMethod,
    ...(secret ? { client_secret: secret.revealText() } : {}),
    ...(jwks ? { jwks: { keys: jwks.keys.map((key) => ({ ...key }) as JWK) } } : {}),
    ...(authMethod === 'private_key_jwt' ? { token_endpoint_auth_signing_alg: algorithmOf(jwks?.keys[0]) } : {}),
    ...(input.backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: input.backchannelLogoutUri, backchannel_logout_session_required: true }),
  }
}

/** One algorithm a client, so that none is talked into another.   @see RFC 8725 3.1 */
function algorithmOf(key: object | undefined): 'RS256' | 'PS256' | 'ES256' | 'EdDSA' {
  const { kty, alg } = (key ?? {}) as JWK
  if (kty === 'EC') return 'ES256'
  if (kty === 'OKP') return 'EdDSA'
  return alg === 'PS256' ? 'PS256' : 'RS256'
}

/** Codes and tokens go nowhere in clear text but to the machine itself.   @see RFC 8252 7, 8.3 */
function requireSafeUris(metadata: ClientMetadata): void {
  const native = metadata.application_type === 'native'
  for (const text of [...(metadata.redirect_uris ?? []), ...(metadata.post_logout_redirect_uris ?? [])]) {
    const url = URL.parse(text)
    if (url?.protocol === 'https:' || (url && isLoopback(url)) || (native && url?.protocol.includes('.'))) continue
    throw iamError(
      'iam.app.malformed',
      `\`${text.slice(0, 200)}\` is no redirect URI here: https, http on loopback, or for a native application a scheme like \`com.example.app:\``,
    )
  }
  const logout = metadata.backchannel_logout_uri
  if (logout === undefined) return
  const url = URL.parse(logout)
  if (url?.protocol !== 'https:' && !(url && isLoopback(url))) {
    throw iamError('iam.app.malformed', 'the URI of back-channel logout is https, or http on loopback')
  }
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
}

function appOf(row: AppRow, metadata: ClientMetadata): App {
  return {
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    applicationType: metadata.application_type ?? 'web',
    redirectUris: metadata.redirect_uris ?? [],
    postLogoutRedirectUris: metadata.post_logout_redirect_uris ?? [],
    grantTypes: (metadata.grant_types ?? []) as App['grantTypes'],
    authMethod: metadata.token_endpoint_auth_method as App['authMethod'],
    ...(metadata.backchannel_logout_uri === undefined ? {} : { backchannelLogoutUri: metadata.backchannel_logout_uri }),
  }
}
