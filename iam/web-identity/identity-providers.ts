import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import { type AccountId, type Clock, iamArn } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import { IDENTITY_PROVIDERS_MAX, WEB_IDENTITY_TOKEN_LENGTH_MAX } from '../limits.ts'
import type { FetchJson } from './fetch-json.ts'
import { IssuerKeys, readKeys } from './keys.ts'
import type { IdentityProviderStore, ProviderRow } from './store.ts'

/** Public-key algorithms only: a provider that takes HS256 would take its own public key for a secret. */
export const identityAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
export type IdentityAlgorithm = (typeof identityAlgorithms)[number]

export interface IdentityProviderInput {
  readonly name: string
  readonly issuer: string
  /** Of which a token must have one: for whom it was made. */
  readonly audiences: readonly string[]
  /** Default: RS256. */
  readonly algorithms?: readonly IdentityAlgorithm[]
  /** Public keys; absent: those that the issuer publishes. */
  readonly jwks?: unknown
}

export interface IdentityProvider {
  readonly account: AccountId
  readonly name: string
  /** What a trust policy names as `Federated`. */
  readonly arn: string
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly algorithms: readonly IdentityAlgorithm[]
  readonly jwks?: object
  readonly createdAt: number
}

/** Whom a token is of, once it was found right. */
export interface WebIdentity {
  readonly provider: IdentityProvider
  readonly subject: string
  readonly audience: string
  readonly claims: JWTPayload
}

export interface IdentityProvidersDeps {
  readonly store: IdentityProviderStore
  readonly fetchJson: FetchJson
  /** Origins that may be reached in clear text. */
  readonly privateOrigins: readonly string[]
  readonly clock: Clock
}

/** OpenID Connect providers that an account trusts to say who somebody is; what they may then do, trust policies say. */
export class IdentityProviders {
  readonly #deps: IdentityProvidersDeps
  readonly #keys: IssuerKeys

  constructor(deps: IdentityProvidersDeps) {
    this.#deps = deps
    this.#keys = new IssuerKeys(deps)
  }

  /** Sorted by name. */
  async list(account: AccountId): Promise<IdentityProvider[]> {
    return (await this.#deps.store.list(account)).map(providerOf)
  }

  /** @throws iam.thing.absent */
  async get(account: AccountId, name: string): Promise<IdentityProvider> {
    const row = await this.#deps.store.find(account, { column: 'name', value: name })
    if (!row) throw absent(name)
    return providerOf(row)
  }

  /** Makes one or replaces it. @throws iam.webIdentity.malformed, iam.thing.exists, iam.limit.reached */
  async put(account: AccountId, input: IdentityProviderInput): Promise<IdentityProvider> {
    const jwks = input.jwks === undefined ? undefined : readKeys(input.jwks)
    if (input.jwks !== undefined && !jwks) throw malformed('`jwks` is a set of public keys')
    if (input.audiences.length === 0) throw malformed('without `audiences` tokens made for others would be good here')
    const url = URL.parse(input.issuer)
    const isReachable = url?.protocol === 'https:' || (url && this.#deps.privateOrigins.includes(url.origin))
    if (!url || !isReachable || url.search || url.hash || url.username) {
      throw malformed('`issuer` is an https URL without query, as the tokens have it')
    }
    const row: ProviderRow = {
      account,
      name: input.name,
      issuer: input.issuer,
      audiences: JSON.stringify(input.audiences),
      algorithms: JSON.stringify(input.algorithms ?? ['RS256']),
      jwks: jwks ? JSON.stringify(jwks) : null,
      created_at: this.#deps.clock.now(),
    }
    const outcome = await this.#deps.store.put(row, IDENTITY_PROVIDERS_MAX)
    if (outcome === 'exists') throw iamError('iam.thing.exists', `another identity provider is of \`${input.issuer}\``)
    if (outcome === 'full') {
      throw iamError('iam.limit.reached', `an account has at most ${IDENTITY_PROVIDERS_MAX} identity providers`)
    }
    return this.get(account, input.name)
  }

  /** @throws iam.thing.absent */
  async delete(account: AccountId, name: string): Promise<void> {
    if (!(await this.#deps.store.delete(account, name))) throw absent(name)
  }

  /** Issuer, audience, algorithm and time are held to what the account configured.
   * @throws iam.webIdentity.invalid, iam.webIdentity.expired, iam.webIdentity.rejected, iam.webIdentity.unreachable */
  async verify(account: AccountId, token: string): Promise<WebIdentity> {
    const { issuer, kid } = readUnverified(token)
    const row =
      issuer === undefined ? undefined : await this.#deps.store.find(account, { column: 'issuer', value: issuer })
    if (!row) throw iamError('iam.webIdentity.invalid', 'the token is of no identity provider of the account')
    const provider = providerOf(row)
    const keys = row.jwks === null ? await this.#keys.of(provider.issuer, kid) : JSON.parse(row.jwks)
    const claims = await this.#check(token, provider, createLocalJWKSet(keys))
    const audiences = [claims.aud ?? []].flat()
    return {
      provider,
      subject: claims.sub ?? '',
      audience: audiences.find((audience) => provider.audiences.includes(audience)) ?? '',
      claims,
    }
  }

  async #check(
    token: string,
    provider: IdentityProvider,
    keys: ReturnType<typeof createLocalJWKSet>,
  ): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: [...provider.algorithms],
        issuer: provider.issuer,
        audience: [...provider.audiences],
        requiredClaims: ['sub', 'aud', 'exp', 'iat'],
        currentDate: new Date(this.#deps.clock.now()),
      })
      if (!payload.sub) throw iamError('iam.webIdentity.rejected', 'the token names no subject')
      return payload
    } catch (cause) {
      if (cause instanceof errors.JWTExpired)
        throw iamError('iam.webIdentity.expired', 'the token has expired', { cause })
      if (cause instanceof errors.JWTClaimValidationFailed) {
        throw iamError('iam.webIdentity.rejected', `the claim \`${cause.claim}\` of the token is not accepted`, {
          cause,
        })
      }
      if (cause instanceof errors.JOSEError) {
        throw iamError('iam.webIdentity.invalid', 'the token is not signed by a key of its issuer', { cause })
      }
      throw cause
    }
  }
}

function readUnverified(token: string): { readonly issuer: string | undefined; readonly kid: string | undefined } {
  try {
    if (token.length > WEB_IDENTITY_TOKEN_LENGTH_MAX) throw new Error('too long')
    return { issuer: decodeJwt(token).iss, kid: decodeProtectedHeader(token).kid }
  } catch (cause) {
    throw iamError('iam.webIdentity.invalid', 'this is no signed identity token', { cause })
  }
}

function providerOf(row: ProviderRow): IdentityProvider {
  const account = row.account as AccountId
  return {
    account,
    name: row.name,
    arn: iamArn(account, 'oidc-provider', row.name),
    issuer: row.issuer,
    audiences: JSON.parse(row.audiences) as string[],
    algorithms: JSON.parse(row.algorithms) as IdentityAlgorithm[],
    ...(row.jwks === null ? {} : { jwks: JSON.parse(row.jwks) as object }),
    createdAt: row.created_at,
  }
}

function malformed(message: string) {
  return iamError('iam.webIdentity.malformed', message)
}

function absent(name: string) {
  return iamError('iam.thing.absent', `there is no identity provider \`${name.slice(0, 128)}\``)
}
