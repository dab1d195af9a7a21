import { hash } from 'node:crypto'
import type { Observable } from './types.ts'

/** Of ids that are made of names.   @see RFC 9562 5.5 */
const NAMESPACE = Buffer.from('5a1d9c4ee3764b0f8a2b7c53f0d1e68a', 'hex')

/** The id of an indicator: the same for the same value, in every workspace, so that whoever knows the value knows the
 * id and a feed that is read twice makes nothing twice. */
export function indicatorId({ type, value }: Observable): string {
  return uuidv5(NAMESPACE, `${type} ${value}`)
}

/** A UUID made of a name.   @see RFC 9562 5.5 */
function uuidv5(namespace: Uint8Array, name: string): string {
  const bytes = hash('sha1', Buffer.concat([namespace, Buffer.from(name, 'utf8')]), 'buffer')
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
