/** Bytes looked at one by one before the search goes native: a native call costs as much as some dozen steps. */
const NEAR_BYTES = 24

/** Where `byte` stands next, from `from` on; -1 when it does not. As `Buffer.indexOf`, but a body made of nothing but
 * quotes or line ends does not cost a native call for each. */
export function findByte(bytes: Buffer, byte: number, from: number): number {
  const near = Math.min(bytes.length, from + NEAR_BYTES)
  for (let at = from; at < near; at++) if (bytes[at] === byte) return at
  return bytes.indexOf(byte, near)
}
