import { randomFillSync } from 'node:crypto'

const ID_BYTES = 16
/** Taken 256 ids at a time: asking for each costs more than deciding. */
const random = Buffer.allocUnsafe(256 * ID_BYTES)
let randomAt = random.length

/** 128 random bits in hexadecimal. */
export function makeDecisionId(): string {
  if (randomAt === random.length) {
    randomFillSync(random)
    randomAt = 0
  }
  const id = random.toString('hex', randomAt, randomAt + ID_BYTES)
  randomAt += ID_BYTES
  return id
}
