import type { JsonValue } from '../../pipeline/index.ts'
import { PARSE_LIMITS } from '../limits.ts'
import type { ClassUid } from './classes.ts'

interface Observed {
  readonly name: string
  readonly path: readonly string[]
  readonly typeId: number
  readonly type: string
}

function at(typeId: number, type: string, ...names: readonly string[]): readonly Observed[] {
  return names.map((name) => ({ name, path: name.split('.'), typeId, type }))
}

const HOSTNAME = (...names: string[]) => at(1, 'Hostname', ...names)
const IP = (...names: string[]) => at(2, 'IP Address', ...names)
const USER = (...names: string[]) => at(4, 'User Name', ...names)
const URL = (...names: string[]) => at(6, 'URL String', ...names)
const FILE_NAME = (...names: string[]) => at(7, 'File Name', ...names)
const PROCESS_NAME = (...names: string[]) => at(9, 'Process Name', ...names)
const RESOURCE = (...names: string[]) => at(10, 'Resource UID', ...names)
const COMMAND = (...names: string[]) => at(13, 'Command Line', ...names)
const AGENT = (...names: string[]) => at(16, 'HTTP User-Agent', ...names)
const CREDENTIAL = (...names: string[]) => at(19, 'User Credential ID', ...names)
const SCRIPT = (...names: string[]) => at(36, 'Script Content', ...names)
const FILE_PATH = (...names: string[]) => at(45, 'File Path', ...names)
const REGISTRY = (...names: string[]) => at(46, 'Registry Key Path', ...names)

const everywhere = [...HOSTNAME('device.hostname'), ...IP('device.ip')]
const ends = [
  ...IP('src_endpoint.ip', 'dst_endpoint.ip'),
  ...HOSTNAME('src_endpoint.hostname', 'dst_endpoint.hostname'),
]
const acting = [
  ...USER('actor.user.name'),
  ...PROCESS_NAME('actor.process.name'),
  ...FILE_PATH('actor.process.file.path'),
  ...COMMAND('actor.process.cmd_line'),
]
const requesting = [...URL('http_request.url.url_string'), ...AGENT('http_request.user_agent')]

/** What is observed in each class: first the ends and who acts, last the machine that tells of it. Hashes are added wherever a file carries them. */
const observed: Readonly<Record<ClassUid, readonly Observed[]>> = {
  0: [...USER('actor.user.name'), ...everywhere],
  1001: [...acting, ...FILE_NAME('file.name'), ...FILE_PATH('file.path'), ...everywhere],
  1002: [...FILE_NAME('driver.file.name'), ...FILE_PATH('driver.file.path'), ...everywhere],
  1005: [...acting, ...FILE_NAME('module.file.name'), ...FILE_PATH('module.file.path'), ...everywhere],
  1006: [...acting, ...USER('job.user.name'), ...COMMAND('job.cmd_line'), ...everywhere],
  1007: [
    ...acting,
    ...USER('process.user.name'),
    ...PROCESS_NAME('process.name'),
    ...FILE_PATH('process.file.path'),
    ...COMMAND('process.cmd_line', 'process.parent_process.cmd_line'),
    ...everywhere,
  ],
  1008: [...acting, ...everywhere],
  1009: [...acting, ...FILE_PATH('script.file.path'), ...SCRIPT('script.script_content.value'), ...everywhere],
  3001: [...ends, ...USER('user.name'), ...acting, ...everywhere],
  3002: [
    ...ends,
    ...USER('user.name'),
    ...CREDENTIAL('user.credential_uid', 'actor.user.credential_uid'),
    ...acting,
    ...requesting,
    ...everywhere,
  ],
  3003: [...ends, ...USER('user.name'), ...acting, ...everywhere],
  3006: [...ends, ...USER('user.name'), ...acting, ...at(32, 'Group Object: name', 'group.name'), ...everywhere],
  4001: [...ends, ...acting, ...everywhere],
  4002: [...ends, ...USER('actor.user.name'), ...requesting, ...everywhere],
  4003: [...ends, ...HOSTNAME('query.hostname'), ...acting, ...everywhere],
  4007: [...ends, ...USER('actor.user.name'), ...everywhere],
  6003: [
    ...ends,
    ...USER('actor.user.name'),
    ...CREDENTIAL('actor.user.credential_uid'),
    ...AGENT('http_request.user_agent'),
    ...RESOURCE('resources.uid'),
    ...everywhere,
  ],
  201001: [...acting, ...REGISTRY('reg_key.path'), ...everywhere],
  201002: [...acting, ...REGISTRY('reg_value.path'), ...everywhere],
  201004: [...acting, ...COMMAND('win_service.cmd_line'), ...FILE_PATH('win_service.service_file.path'), ...everywhere],
}

/** Where a class keeps files with hashes. */
const hashed: Readonly<Partial<Record<ClassUid, readonly (readonly string[])[]>>> = {
  1001: [['file', 'hashes']],
  1002: [['driver', 'file', 'hashes']],
  1005: [['module', 'file', 'hashes']],
  1007: [['process', 'file', 'hashes']],
}

/** The front of a long value, without half a surrogate pair at its end. */
function cutText(value: string): string {
  return value.slice(0, PARSE_LIMITS.observableCharsMax).toWellFormed()
}

type Members = { readonly [member: string]: JsonValue }

function isMembers(value: JsonValue | undefined): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function follow(value: JsonValue | undefined, path: readonly string[], from: number): JsonValue | undefined {
  let found = value
  for (let i = from; i < path.length; i++) {
    if (!isMembers(found)) return undefined
    found = found[path[i] as string]
  }
  return found
}

/** The values of an event that indicators are compared with, each once, as `{name, type, type_id, value}`.
 * @see https://schema.ocsf.io/1.8.0/objects/observable */
export function observe(classUid: ClassUid, event: Members): JsonValue[] {
  const list: JsonValue[] = []
  const add = (name: string, type: string, typeId: number, value: JsonValue | undefined) => {
    if (typeof value !== 'string' || value === '' || list.length >= PARSE_LIMITS.observablesMax) return
    const short = value.length <= PARSE_LIMITS.observableCharsMax
    list.push({ name, type, type_id: typeId, value: short ? value : cutText(value) })
  }
  for (const entry of observed[classUid]) {
    const head = event[entry.path[0] as string]
    if (head === undefined) continue
    if (Array.isArray(head)) {
      for (const element of head) add(entry.name, entry.type, entry.typeId, follow(element, entry.path, 1))
    } else add(entry.name, entry.type, entry.typeId, follow(head, entry.path, 1))
  }
  for (const path of hashed[classUid] ?? []) {
    const hashes = follow(event, path, 0)
    if (!Array.isArray(hashes)) continue
    for (const hash of hashes) {
      if (isMembers(hash)) add(`${path.join('.')}.value`, 'Hash', 8, hash.value)
    }
  }
  return list
}
