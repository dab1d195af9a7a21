import { promisify } from 'node:util'
import { constants, gunzip, type ZstdOptions, zstdDecompress } from 'node:zlib'
import { collectError } from '../errors.ts'
import { RECORDS_LIMITS } from '../limits.ts'

type Encoding = 'identity' | 'gzip' | 'zstd'

/** @throws collect.contentEncoding.unsupported */
function parseEncoding(header: string | undefined): Encoding {
  const name = (header ?? 'identity').trim().toLowerCase()
  if (name === '' || name === 'identity') return 'identity'
  if (name === 'gzip' || name === 'x-gzip') return 'gzip'
  if (name === 'zstd') return 'zstd'
  throw collectError(
    'collect.contentEncoding.unsupported',
    `content encoding \`${name.slice(0, 40)}\` is not taken; send gzip, zstd or none`,
  )
}

const inflate = promisify(gunzip)

/** One frame, and how many bytes of the input it was. */
function unzstdFrame(input: Buffer, options: ZstdOptions): Promise<{ readonly bytes: Buffer; readonly read: number }> {
  return new Promise((resolve, reject) =>
    zstdDecompress(input, { ...options, info: true }, (error, decoded) => {
      if (error !== null) return reject(error)
      // With `info` the result is a pair, which the types do not say.
      const { buffer, engine } = decoded as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
      resolve({ bytes: buffer, read: engine.bytesWritten })
    }),
  )
}

/** All frames of the body: the decoder stops after each.   @see RFC 8878 3.1 */
async function unzstd(body: Buffer): Promise<Buffer> {
  const params = { [constants.ZSTD_d_windowLogMax]: RECORDS_LIMITS.zstdWindowLogMax }
  const pieces: Buffer[] = []
  let left = RECORDS_LIMITS.decodedBytesMax
  for (let at = 0; at < body.length; ) {
    if (pieces.length >= RECORDS_LIMITS.zstdFramesMax) throw new Error('too many frames')
    // Zero would mean "no bound"; one byte more than is left is an error either way.
    const options = { maxOutputLength: Math.max(left, 1), params }
    const { bytes, read } = await unzstdFrame(body.subarray(at), options)
    if (read === 0) throw new Error('nothing was read')
    pieces.push(bytes)
    left -= bytes.length
    at += read
  }
  const [first] = pieces
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)
}

/** The body without its content encoding.
 * @throws collect.contentEncoding.unsupported (415), collect.body.tooLarge (413) above `decodedBytesMax`,
 * collect.body.malformed (400) when the encoding is broken or cut off */
export async function decodeBody(body: Buffer, contentEncoding: string | undefined): Promise<Buffer> {
  const encoding = parseEncoding(contentEncoding)
  if (encoding === 'identity') return body
  try {
    // Either stops at the first byte above the bound: a bomb costs no more than an honest body.
    return await (encoding === 'gzip'
      ? inflate(body, { maxOutputLength: RECORDS_LIMITS.decodedBytesMax })
      : unzstd(body))
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw collectError(
        'collect.body.tooLarge',
        `the ${encoding} body holds more than ${RECORDS_LIMITS.decodedBytesMax} bytes; send it in smaller requests`,
        { cause: error },
      )
    }
    throw collectError('collect.body.malformed', `the body is not ${encoding}, or was cut off`, { cause: error })
  }
}
