import { randomBytes } from 'node:crypto'
import { type AccountId, type Clock, type Sealer, Secret } from '../platform/index.ts'
import { accessKeyPurpose } from './authenticator.ts'
import type { Changes } from './changes.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { ACCESS_KEYS_PER_USER_MAX } from './limits.ts'
import type { AccessKey } from './types.ts'

export interface AccessKeysDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly sealer: Sealer
  readonly clock: Clock
  /** When this process saw a key used. */
  readonly lastUseOf: (accessKeyId: string) => number | undefined
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const ID_CHARACTERS = 16
const SECRET_BYTES = 30

/** Access keys of users. A secret is shown when it is made and never again. */
export class AccessKeys {
  readonly #deps: AccessKeysDeps

  constructor(deps: AccessKeysDeps) {
    this.#deps = deps
  }

  /** @throws iam.thing.absent */
  list(account: AccountId, userName: string): AccessKey[] {
    this.#requireUser(account, userName)
    return this.#deps.directory.accessKeysOf(account, userName).map((key) => this.#withLastUse(key))
  }

  /** @throws iam.thing.absent */
  get(account: AccountId, id: string): AccessKey {
    const key = this.#deps.directory.findAccessKey(id)
    if (key?.account !== account) throw iamError('iam.thing.absent', `there is no access key \`${id.slice(0, 128)}\``)
    return this.#withLastUse(key)
  }

  /** As this process saw it, or as it was stored when the key was read. */
  #withLastUse(key: AccessKey): AccessKey {
    const lastUsedAt = this.#deps.lastUseOf(key.id) ?? key.lastUsedAt
    return lastUsedAt === undefined ? key : { ...key, lastUsedAt }
  }

  /** @throws iam.thing.absent, iam.limit.reached */
  async create(
    account: AccountId,
    userName: string,
  ): Promise<{ readonly accessKeyId: string; readonly secretAccessKey: Secret; readonly createdAt: number }> {
    const id = makeAccessKeyId()
    const secret = makeSecretAccessKey()
    const sealed = await this.#deps.sealer.seal(secret.reveal(), accessKeyPurpose({ account, id }))
    const createdAt = this.#deps.clock.now()
    await this.#deps.changes.run(account, async (write) => {
      if (!(await write.hasUser(userName))) throw absentUser(userName)
      if ((await write.accessKeyIds(userName)).length >= ACCESS_KEYS_PER_USER_MAX) {
        throw iamError(
          'iam.limit.reached',
          `\`${userName}\` has ${ACCESS_KEYS_PER_USER_MAX} access keys; delete one before making another`,
        )
      }
      await write.insertAccessKey({
        id,
        user_name: userName,
        sealed_secret: sealed,
        enabled: 1,
        created_at: createdAt,
        last_used_at: null,
      })
    })
    return { accessKeyId: id, secretAccessKey: secret, createdAt }
  }

  /** @throws iam.thing.absent */
  async setEnabled(account: AccountId, userName: string, id: string, enabled: boolean): Promise<void> {
    const found = await this.#deps.changes.run(account, (write) => write.updateAccessKey(userName, id, enabled))
    if (!found) throw absentKey(id)
  }

  /** @throws iam.thing.absent */
  async delete(account: AccountId, userName: string, id: string): Promise<void> {
    if (!(await this.#deps.changes.run(account, (write) => write.deleteAccessKey(userName, id)))) throw absentKey(id)
  }

  #requireUser(account: AccountId, userName: string): void {
    if (!this.#deps.directory.findUser(account, userName)) throw absentUser(userName)
  }
}

/** `AKIA` and 16 characters, as AWS's tools expect of a long-lived key. */
export function makeAccessKeyId(): string {
  const characters = [...randomBytes(ID_CHARACTERS)].map((byte) => BASE32[byte & 31])
  return `AKIA${characters.join('')}`
}

/** 40 characters of base64: 240 random bits. */
export function makeSecretAccessKey(): Secret {
  return new Secret(randomBytes(SECRET_BYTES).toString('base64'))
}

function absentUser(name: string) {
  return iamError('iam.thing.absent', `there is no user \`${name}\``)
}

function absentKey(id: string) {
  return iamError('iam.thing.absent', `the user has no access key \`${id}\``)
}
