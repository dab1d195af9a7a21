/** Numbers as text: 8 bytes each, in base64. Writing many numbers out in decimals takes ten times as long. */
export function pack(numbers: Float64Array | readonly number[]): string {
  const { buffer, byteOffset, byteLength } = numbers instanceof Float64Array ? numbers : Float64Array.from(numbers)
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}

export function unpack(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64')
  const numbers = new Float64Array(Math.floor(bytes.length / 8))
  for (let i = 0; i < numbers.length; i++) numbers[i] = bytes.readDoubleLE(8 * i)
  return numbers
}
