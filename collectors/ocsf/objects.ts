import { isIP } from 'node:net'
import type { JsonValue } from '../../pipeline/index.ts'
import type { Draft } from './event.ts'

/** A value of the source as text; undefined for what stands for "nothing": empty, `-`, `(null)`, no scalar. */
export function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value === '' || value === '-' || value === '(null)' ? undefined : value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** A whole number given as number, decimal text or `0x…` text; undefined for anything else. */
export function integerOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  if (typeof value !== 'string' || value === '' || value.length > 18) return undefined
  if (!/^(?:\d+|0[xX][0-9a-fA-F]+)$/.test(value)) return undefined
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : undefined
}

/** The last part of a path of either slash. */
export function baseName(path: string): string {
  const cut = Math.max(path.lastIndexOf('\\'), path.lastIndexOf('/'))
  return cut < 0 || cut === path.length - 1 ? path : path.slice(cut + 1)
}

function port(value: JsonValue | undefined): number | undefined {
  const number = integerOf(value)
  return number !== undefined && number >= 0 && number <= 65_535 ? number : undefined
}

/** An address in the form OCSF compares: without the IPv4-mapped prefix. Undefined when it is none. */
export function ipOf(value: JsonValue | undefined): string | undefined {
  const text = textOf(value)
  if (text === undefined || text.length > 64) return undefined
  const plain = text.startsWith('::ffff:') && text.includes('.') ? text.slice(7) : text
  return isIP(plain) === 0 ? undefined : plain
}

/** A network endpoint; undefined when nothing names it. What is no address is a host name. */
export function endpoint(parts: {
  readonly address?: JsonValue | undefined
  readonly hostname?: JsonValue | undefined
  readonly port?: JsonValue | undefined
}): Draft | undefined {
  const ip = ipOf(parts.address)
  const hostname = textOf(parts.hostname) ?? (ip === undefined ? textOf(parts.address) : undefined)
  if (ip === undefined && hostname === undefined) return undefined
  const draft: Draft = {}
  if (ip !== undefined) draft.ip = ip
  if (hostname !== undefined) draft.hostname = hostname
  const number = port(parts.port)
  if (number !== undefined) draft.port = number
  return draft
}

/** The device an event happened on; its kind is never told by a log line. `address` is the sender's and counts only
 * where no name is given: a relay forwards for others. */
export function device(hostname: JsonValue | undefined, address?: string): Draft | undefined {
  const name = textOf(hostname)
  const ip = name === undefined ? address : ipOf(name)
  if (name === undefined && ip === undefined) return undefined
  const draft: Draft = { type_id: 0 }
  if (name !== undefined) draft.hostname = name
  if (ip !== undefined) draft.ip = ip
  return draft
}

/** A user; `DOMAIN\name` is taken apart. */
export function user(parts: {
  readonly name?: JsonValue | undefined
  readonly uid?: JsonValue | undefined
  readonly domain?: JsonValue | undefined
}): Draft | undefined {
  let name = textOf(parts.name)
  let domain = textOf(parts.domain)
  const uid = textOf(parts.uid)
  if (name === undefined && uid === undefined) return undefined
  if (name !== undefined && domain === undefined) {
    const cut = name.indexOf('\\')
    if (cut > 0 && cut < name.length - 1) {
      domain = name.slice(0, cut)
      name = name.slice(cut + 1)
    }
  }
  const draft: Draft = {}
  if (name !== undefined) draft.name = name
  if (uid !== undefined) draft.uid = uid
  if (domain !== undefined) draft.domain = domain
  return draft
}

/** A file by its path. `typeId` 0 = unknown, 1 = regular, 4 = block device, 6 = named pipe. */
export function file(path: JsonValue | undefined, typeId: number): Draft | undefined {
  const text = textOf(path)
  return text === undefined ? undefined : { name: baseName(text), path: text, type_id: typeId }
}

const hashAlgorithms: Readonly<Record<string, readonly [string, number]>> = {
  MD5: ['MD5', 1],
  SHA1: ['SHA-1', 2],
  SHA256: ['SHA-256', 3],
  SHA512: ['SHA-512', 4],
  IMPHASH: ['Imphash', 18],
}

/** Sysmon's `SHA1=…,MD5=…` as fingerprints. */
export function fingerprints(value: JsonValue | undefined): JsonValue[] | undefined {
  const text = textOf(value)
  if (text === undefined || text.length > 2048) return undefined
  const list: JsonValue[] = []
  for (const pair of text.split(',')) {
    const cut = pair.indexOf('=')
    if (cut < 1 || cut === pair.length - 1) continue
    const name = pair.slice(0, cut).trim().toUpperCase()
    const known = Object.hasOwn(hashAlgorithms, name) ? hashAlgorithms[name] : undefined
    list.push({
      algorithm: known?.[0] ?? name,
      algorithm_id: known?.[1] ?? 99,
      value: pair.slice(cut + 1),
    })
  }
  return list.length > 0 ? list : undefined
}

/** A process; undefined when neither a pid nor an id names it, unless `required`: then its pid is 0, unknown. */
export function process(
  parts: {
    readonly pid?: JsonValue | undefined
    readonly uid?: JsonValue | undefined
    readonly image?: JsonValue | undefined
    readonly name?: JsonValue | undefined
    readonly commandLine?: JsonValue | undefined
    readonly user?: Draft | undefined
  },
  required = false,
): Draft | undefined {
  const pid = integerOf(parts.pid)
  const uid = textOf(parts.uid)
  if (pid === undefined && uid === undefined && !required) return undefined
  const draft: Draft = {}
  if (pid !== undefined) draft.pid = pid
  else if (uid === undefined) draft.pid = 0
  if (uid !== undefined) draft.uid = uid
  const image = file(parts.image, 1)
  if (image !== undefined) draft.file = image
  const name = textOf(parts.name) ?? (image?.name as string | undefined)
  if (name !== undefined) draft.name = name
  const commandLine = textOf(parts.commandLine)
  if (commandLine !== undefined) draft.cmd_line = commandLine
  if (parts.user !== undefined) draft.user = parts.user
  return draft
}

/** Sets a member unless there is nothing to set. */
export function put(draft: Draft, member: string, value: JsonValue | undefined): void {
  if (value !== undefined) draft[member] = value
}
