import { promisify } from 'node:util'
import { constants, gunzip, zstdDecompress } from 'node:zlib'
import { collectError } from '../errors.ts'
import { RECORDS_LIMITS } from '../limits.ts'

const inflate = promisify(gunzip)
const unzstd = promisify(zstdDecompress)

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

/** Decodes in memory no larger than the bound: the decoder stops at the first byte above it, so a bomb costs no more
 * than an honest body. */
async function decode(encoding: 'gzip' | 'zstd', body: Buffer): Promise<Buffer> {
  const maxOutputLength = RECORDS_LIMITS.decodedBytesMax
  if (encoding === 'gzip') return await inflate(body, { maxOutputLength })
  const params = { [constants.ZSTD_d_windowLogMax]: RECORDS_LIMITS.zstdWindowLogMax }
  return await unzstd(body, { maxOutputLength, params })
}

/** The body without its content encoding.
 * @throws collect.contentEncoding.unsupported (415), collect.body.tooLarge (413) above `decodedBytesMax`,
 * collect.body.malformed (400) when the encoding is broken or cut off */
export async function decodeBody(body: Buffer, contentEncoding: string | undefined): Promise<Buffer> {
  const encoding = parseEncoding(contentEncoding)
  if (encoding === 'identity') return body
  try {
    return await decode(encoding, body)
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
