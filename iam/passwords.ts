import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { iamError } from './errors.ts'
import {
  ARGON2_MEMORY_KIB,
  ARGON2_PASSES,
  PASSWORD_HASHES_AT_ONCE_MAX,
  PASSWORD_HASHES_WAITING_MAX,
  PASSWORD_LENGTH_MAX,
  PASSWORD_LENGTH_MIN,
} from './limits.ts'

const derive = promisify(argon2) as (algorithm: 'argon2id', parameters: Argon2Parameters) => Promise<Buffer>

const SALT_BYTES = 16
const TAG_BYTES = 32

/** Hashes passwords with argon2id, a few at a time: each takes 19 MiB and a thread. */
export class Passwords {
  #running = 0
  readonly #waiting: (() => void)[] = []
  /** Compared against where there is no user, so that both cases cost the same. */
  readonly #decoy: Promise<string>

  constructor() {
    this.#decoy = this.hash(randomBytes(24).toString('base64'))
  }

  /** The PHC string to store. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES)
    const cost = { memory: ARGON2_MEMORY_KIB, passes: ARGON2_PASSES, parallelism: 1 }
    const tag = await this.#derive(password, salt, cost)
    const { memory, passes, parallelism } = cost
    return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`
  }

  /** Whether `password` made `stored`. Without `stored` it takes as long and is false. */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    const { salt, tag, ...cost } = parsePhc(stored ?? (await this.#decoy))
    const derived = await this.#derive(password.slice(0, PASSWORD_LENGTH_MAX), salt, cost)
    return timingSafeEqual(derived, tag) && stored !== undefined
  }

  async #derive(
    password: string,
    salt: Buffer,
    cost: { memory: number; passes: number; parallelism: number },
  ): Promise<Buffer> {
    await this.#enter()
    try {
      return await derive('argon2id', {
        message: Buffer.from(password.normalize('NFC'), 'utf8'),
        nonce: salt,
        tagLength: TAG_BYTES,
        ...cost,
      })
    } finally {
      this.#leave()
    }
  }

  #enter(): Promise<void> | undefined {
    if (this.#running < PASSWORD_HASHES_AT_ONCE_MAX) {
      this.#running++
      return undefined
    }
    if (this.#waiting.length >= PASSWORD_HASHES_WAITING_MAX) {
      throw iamError('iam.signIn.busy', 'too many sign-ins at once; try again in a moment', { retryAfterSec: 2 })
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** The place passes straight to the next who waits. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running--
  }
}

/** @throws iam.password.weak */
export function requireGoodPassword(password: string, userName: string): void {
  const problem = passwordProblem(password, userName)
  if (problem) throw iamError('iam.password.weak', problem)
}

function passwordProblem(password: string, userName: string): string | undefined {
  if (password.length < PASSWORD_LENGTH_MIN) return `a password has at least ${PASSWORD_LENGTH_MIN} characters`
  if (password.length > PASSWORD_LENGTH_MAX) return `a password has at most ${PASSWORD_LENGTH_MAX} characters`
  if (userName.length >= 3 && password.toLowerCase().includes(userName.toLowerCase())) {
    return 'a password does not contain the name of its user'
  }
  if (new Set(password).size < 5) return 'the password repeats too few characters'
  return undefined
}

interface Phc {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
  readonly salt: Buffer
  readonly tag: Buffer
}

function parsePhc(text: string): Phc {
  const found = /^\$argon2id\$v=19\$m=([0-9]+),t=([0-9]+),p=([0-9]+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text)
  if (!found) throw new Error('a stored password hash is not argon2id')
  const [, memory, passes, parallelism, salt, tag] = found
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt ?? '', 'base64'),
    tag: Buffer.from(tag ?? '', 'base64'),
  }
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
