import type { JSONWebKeySet } from 'jose'
import type { Clock } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import {
  FETCHED_KEYS_EVERY_MS,
  FETCHED_KEYS_FAILED_MS,
  FETCHED_KEYS_REMEMBERED_MAX,
  FETCHED_KEYS_TTL_MS,
  IDENTITY_PROVIDER_KEYS_MAX,
} from '../limits.ts'
import { Remembered } from '../remembered.ts'
import type { FetchJson } from './fetch-json.ts'

interface Fetched {
  readonly at: number
  /** When they are fetched anew. */
  until: number
  readonly keys: Promise<JSONWebKeySet>
}

/** The public keys of issuers, as they publish them. */
export class IssuerKeys {
  readonly #fetchJson: FetchJson
  readonly #clock: Clock
  readonly #fetched = new Remembered<string, Fetched>(FETCHED_KEYS_REMEMBERED_MAX)

  constructor(deps: { readonly fetchJson: FetchJson; readonly clock: Clock }) {
    this.#fetchJson = deps.fetchJson
    this.#clock = deps.clock
  }

  /** @param kid that must be among them; keys are fetched anew where it is not, now and then
   * @throws iam.webIdentity.unreachable */
  async of(issuer: string, kid: string | undefined): Promise<JSONWebKeySet> {
    const now = this.#clock.now()
    const known = this.#fetched.get(issuer)
    if (known && now < known.until) {
      const keys = await known.keys
      if (kid === undefined || keys.keys.some((key) => key.kid === kid)) return keys
      if (now < known.at + FETCHED_KEYS_EVERY_MS) return keys
    }
    // Those that come while they are fetched wait for the same. A failure is kept for a moment, since anybody may ask.
    const fetched: Fetched = { at: now, until: now + FETCHED_KEYS_TTL_MS, keys: this.#fetch(issuer) }
    this.#fetched.set(issuer, fetched)
    fetched.keys.catch(() => {
      fetched.until = now + FETCHED_KEYS_FAILED_MS
    })
    return fetched.keys
  }

  async #fetch(issuer: string): Promise<JSONWebKeySet> {
    const base = issuer.endsWith('/') ? issuer.slice(0, -1) : issuer
    const metadata = (await this.#fetchJson(new URL(`${base}/.well-known/openid-configuration`))) as {
      readonly issuer?: unknown
      readonly jwks_uri?: unknown
    } | null
    const uri = typeof metadata?.jwks_uri === 'string' ? URL.parse(metadata.jwks_uri) : null
    if (metadata?.issuer !== issuer || !uri) {
      throw iamError(
        'iam.webIdentity.unreachable',
        `the metadata of \`${issuer}\` is of another issuer or names no keys`,
      )
    }
    const keys = readKeys(await this.#fetchJson(uri))
    if (keys) return keys
    throw iamError('iam.webIdentity.unreachable', `\`${issuer}\` publishes no set of keys`)
  }
}

/** A set of public keys; undefined for anything else, secret keys among it. */
export function readKeys(value: unknown): JSONWebKeySet | undefined {
  const keys = (value as { readonly keys?: unknown } | null)?.keys
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > IDENTITY_PROVIDER_KEYS_MAX) return undefined
  const isPublic = (key: unknown) =>
    typeof key === 'object' && key !== null && !('k' in key) && !('d' in key) && 'kty' in key && key.kty !== 'oct'
  return keys.every(isPublic) ? { keys } : undefined
}
