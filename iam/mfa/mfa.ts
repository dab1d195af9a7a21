import { createHash, randomBytes } from 'node:crypto'
import type { AccountId, Clock, Sealer } from '../../platform/index.ts'
import type { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import { RECOVERY_CODES } from '../limits.ts'
import type { SignInThrottle } from '../sign-in-throttle.ts'
import type { User } from '../types.ts'
import { canHaveKeys, type WebAuthn } from '../webauthn/webauthn.ts'
import type { MfaOwner, MfaStore, TotpDevice } from './store.ts'
import { base32, matchingStep, otpauthUri } from './totp.ts'

/** RFC 4226 4, R6: as long as the hash. */
const SECRET_BYTES = 20
/** 80 bit: no hash of one is guessed. */
const RECOVERY_BYTES = 10
const ISSUER = 'Rampart'

export interface MfaDeps {
  readonly directory: Directory
  readonly store: MfaStore
  readonly throttle: SignInThrottle
  readonly webauthn: WebAuthn
  readonly sealer: Sealer
  readonly clock: Clock
}

/** What was proved beside the password. */
export type SecondFactor = 'otp' | 'webauthn'

export interface SecondFactorProof {
  readonly code?: string
  /** What the browser's `navigator.credentials.get` gave. */
  readonly securityKey?: unknown
  /** Where the service is reached; security keys are bound to it. */
  readonly origin: string
}

export interface MfaStatus {
  readonly state: 'none' | 'pending' | 'active'
  readonly createdAt?: number
  readonly recoveryCodesLeft?: number
}

/** The second factor of users: codes that change every half minute, recovery codes for a lost device, security keys. */
export class Mfa {
  readonly #deps: MfaDeps

  constructor(deps: MfaDeps) {
    this.#deps = deps
  }

  /** @throws iam.thing.absent */
  async status(account: AccountId, userName: string): Promise<MfaStatus> {
    const user = this.#user(account, userName)
    const device = await this.#deps.store.find(user)
    if (!device) return { state: 'none' }
    if (!device.confirmed) return { state: 'pending', createdAt: device.createdAt }
    const recoveryCodesLeft = await this.#deps.store.countRecoveryCodes(user)
    return { state: 'active', createdAt: device.createdAt, recoveryCodesLeft }
  }

  /** A new secret, told once. It counts when a code of it is confirmed; until then another may take its place.
   * @throws iam.thing.absent, iam.thing.exists */
  async enrol(account: AccountId, userName: string): Promise<{ readonly otpauthUri: string; readonly secret: string }> {
    const user = this.#user(account, userName)
    const secret = randomBytes(SECRET_BYTES)
    const sealedSecret = await this.#deps.sealer.seal(secret, purposeOf(user))
    if (!(await this.#deps.store.enrol(user, { sealedSecret, createdAt: this.#deps.clock.now() }))) {
      throw iamError('iam.thing.exists', `\`${userName}\` has a second factor; remove it before enrolling another`)
    }
    const shown = {
      otpauthUri: otpauthUri({ issuer: ISSUER, account: `${userName}@${account}`, secret }),
      secret: base32(secret),
    }
    secret.fill(0)
    return shown
  }

  /** From here on the user signs in with a code. Guesses count as failed sign-ins.
   * @returns recovery codes, told once
   * @throws iam.thing.absent, iam.mfa.wrongCode, iam.signIn.lockedOut, iam.signIn.busy */
  async confirm(
    account: AccountId,
    userName: string,
    given: { readonly code: string; readonly sourceIp: string },
  ): Promise<readonly string[]> {
    const user = this.#user(account, userName)
    return this.#deps.throttle.run(`mfa/${account}/${userName}`, given.sourceIp, async () => {
      const device = await this.#deps.store.find(user)
      if (!device || device.confirmed) {
        throw iamError('iam.thing.absent', `\`${userName}\` has no second factor that waits to be confirmed`)
      }
      const step = await this.#stepOf(user, device, given.code)
      if (step === undefined)
        throw iamError('iam.mfa.wrongCode', 'the code is not right; check the clock of the device')
      const codes = Array.from({ length: RECOVERY_CODES }, makeRecoveryCode)
      const recoveryHashes = codes.map(hashOf)
      if (!(await this.#deps.store.confirm(user, { sealedSecret: device.sealedSecret, step, recoveryHashes }))) {
        throw iamError('iam.thing.absent', 'another enrolment took the place of this one')
      }
      return codes
    })
  }

  /** @throws iam.thing.absent */
  async remove(account: AccountId, userName: string): Promise<void> {
    if (!(await this.#deps.store.remove(this.#user(account, userName)))) {
      throw iamError('iam.thing.absent', `\`${userName}\` has no second factor`)
    }
  }

  /** Asked after the password was found right, inside the throttle of the sign-in. A code is good once, and so is the
   * answer of a security key.
   * @returns what was proved; undefined only where the user has no second factor
   * @throws iam.signIn.mfaRequired where nothing is given, iam.signIn.failed for what is wrong or spent */
  async prove(user: User, given: SecondFactorProof): Promise<SecondFactor | undefined> {
    const { webauthn } = this.#deps
    const device = await this.#deps.store.find(user)
    const hasCodes = device?.confirmed === true
    const hasKeys = await webauthn.hasKeys(user)
    if (!hasCodes && !hasKeys) return undefined
    if (hasKeys && given.securityKey !== undefined) {
      if (await webauthn.proveSecond(user, { response: given.securityKey, origin: given.origin })) return 'webauthn'
      throw iamError('iam.signIn.failed', 'the answer of the security key is not right or came too late; begin again')
    }
    if (given.code === undefined || given.code === '') {
      const options =
        hasKeys && canHaveKeys(given.origin) && (await webauthn.beginSignIn(user.account, given.origin, user))
      throw iamError(
        'iam.signIn.mfaRequired',
        hasCodes
          ? 'send `mfaCode` with the code of your authenticator, or a recovery code'
          : 'send `securityKey` with what your security key answers to `securityKeyOptions`',
        {
          extra: {
            factors: [...(hasCodes ? ['otp'] : []), ...(hasKeys ? ['webauthn'] : [])],
            ...(options ? { securityKeyOptions: options } : {}),
          },
        },
      )
    }
    if (!hasCodes || !(await this.#spendCode(user, device, given.code))) {
      throw iamError('iam.signIn.failed', 'the code is wrong or was used already; wait for the next one')
    }
    return 'otp'
  }

  /** A code by itself, of a user whose access key was proved already. Guesses count as failed sign-ins.
   * @throws iam.thing.absent, iam.mfa.wrongCode, iam.signIn.lockedOut, iam.signIn.busy */
  async proveCode(
    account: AccountId,
    userName: string,
    given: { readonly code: string; readonly sourceIp: string },
  ): Promise<void> {
    const user = this.#user(account, userName)
    await this.#deps.throttle.run(`mfa/${account}/${userName}`, given.sourceIp, async () => {
      const device = await this.#deps.store.find(user)
      if (!device?.confirmed || !(await this.#spendCode(user, device, given.code))) {
        throw iamError('iam.mfa.wrongCode', 'MultiFactorAuthentication failed: the code is wrong or was used already')
      }
    })
  }

  async #spendCode(user: User, device: TotpDevice, code: string): Promise<boolean> {
    const step = await this.#stepOf(user, device, code)
    return step === undefined
      ? this.#deps.store.spendRecoveryCode(user, hashOf(code))
      : this.#deps.store.spendStep(user, step)
  }

  async #stepOf(owner: MfaOwner, device: TotpDevice, code: string): Promise<number | undefined> {
    const secret = await this.#deps.sealer.open(device.sealedSecret, purposeOf(owner))
    const step = matchingStep(secret, code.replaceAll(' ', ''), this.#deps.clock.now())
    secret.fill(0)
    return step
  }

  #user(account: AccountId, userName: string): User {
    const user = this.#deps.directory.findUser(account, userName)
    if (!user) throw iamError('iam.thing.absent', `there is no user \`${userName}\``)
    return user
  }
}

function purposeOf(owner: MfaOwner): string {
  return `iam/totp/${owner.account}/${owner.id}`
}

function makeRecoveryCode(): string {
  return base32(randomBytes(RECOVERY_BYTES)).match(/.{4}/g)?.join('-') ?? ''
}

/** As people type them: any case, with or without separators. */
function hashOf(code: string): string {
  const plain = code.toUpperCase().replace(/[^A-Z2-7]/g, '')
  return createHash('sha256').update(plain).digest('base64url')
}
