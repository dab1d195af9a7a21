import { createHmac, timingSafeEqual } from 'node:crypto'

/** What authenticator apps take without being told: SHA-1, six digits, half a minute. */
export const STEP_SEC = 30
const DIGITS = 6
/** Steps before and after ours whose code is taken too: clocks differ, and people type slowly. */
const WINDOW_STEPS = 1

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The code of one counter.   @see RFC 4226 5.3 */
export function hotp(secret: Uint8Array, counter: number, digits = DIGITS): string {
  const message = Buffer.alloc(8)
  message.writeBigUInt64BE(BigInt(counter))
  const mac = createHmac('sha1', secret).update(message).digest()
  const offset = (mac.at(-1) ?? 0) & 15
  const truncated = mac.readUInt32BE(offset) & 0x7fff_ffff
  return String(truncated % 10 ** digits).padStart(digits, '0')
}

/** The time step an instant falls in.   @see RFC 6238 4.2 */
export function stepAt(ms: number): number {
  return Math.floor(ms / 1000 / STEP_SEC)
}

/** The step of the window around `ms` whose code is `code`, the newest where two are alike; undefined where none is.
 * Takes the same time whichever step it is, and whether it is any. */
export function matchingStep(secret: Uint8Array, code: string, ms: number): number | undefined {
  const presented = Buffer.alloc(DIGITS)
  const wellFormed = /^[0-9]{6}$/.test(code)
  if (wellFormed) presented.write(code, 'latin1')
  const now = stepAt(ms)
  let found: number | undefined
  for (let step = Math.max(0, now - WINDOW_STEPS); step <= now + WINDOW_STEPS; step++) {
    const same = timingSafeEqual(presented, Buffer.from(hotp(secret, step), 'latin1'))
    if (same && wellFormed) found = step
  }
  return found
}

/** RFC 4648 base32 without padding, as authenticator apps read secrets. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += BASE32[(held >>> bits) & 31]
    }
    held &= (1 << bits) - 1
  }
  return bits > 0 ? text + BASE32[(held << (5 - bits)) & 31] : text
}

/** What an authenticator app scans.   @see the Key URI Format of Google Authenticator */
export function otpauthUri(input: {
  readonly issuer: string
  readonly account: string
  readonly secret: Uint8Array
}): string {
  const issuer = encodeURIComponent(input.issuer)
  const label = `${issuer}:${encodeURIComponent(input.account)}`
  return `otpauth://totp/${label}?secret=${base32(input.secret)}&issuer=${issuer}&algorithm=SHA1&digits=${DIGITS}&period=${STEP_SEC}`
}
