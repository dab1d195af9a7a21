import type { JsonValue } from '../../pipeline/index.ts'
import { eventTime, parseTime } from '../../platform/base/index.ts'
import { PARSE_LIMITS } from '../limits.ts'
import { type Draft, severityIds, startEvent } from '../ocsf/event.ts'
import { device, ipOf, put, textOf, user } from '../ocsf/objects.ts'
import { tryReadCloudtrail } from './cloudtrail.ts'
import { isObject } from './json.ts'
import type { Reading } from './reading.ts'
import { tryReadWindows } from './windows/event.ts'
import { tryReadZeek } from './zeek.ts'

const severityWords: ReadonlyMap<string, number> = new Map([
  ['emerg', severityIds.fatal],
  ['emergency', severityIds.fatal],
  ['fatal', severityIds.fatal],
  ['alert', severityIds.critical],
  ['crit', severityIds.critical],
  ['critical', severityIds.critical],
  ['err', severityIds.high],
  ['error', severityIds.high],
  ['high', severityIds.high],
  ['warn', severityIds.medium],
  ['warning', severityIds.medium],
  ['medium', severityIds.medium],
  ['low', severityIds.low],
])

function severityOf(record: Draft): number {
  const word = textOf(record.severity ?? record.level)?.toLowerCase()
  return (word === undefined ? undefined : severityWords.get(word)) ?? severityIds.informational
}

/** An event that is OCSF already: its members are both forms. */
function tryReadOcsf(record: Draft): Reading | undefined {
  const { class_uid: classUid, category_uid: categoryUid, metadata } = record
  if (!Number.isInteger(classUid) || !Number.isInteger(categoryUid) || !isObject(metadata)) return undefined
  return {
    original: record,
    logsource: {},
    time: parseTime(record.time),
    ocsf: record,
  }
}

const webMembers = ['cs-method', 'cs-uri', 'cs-uri-stem', 'cs-uri-query', 'sc-status']
const proxyMembers = ['c-uri', 'c-useragent', 'c-uri-extension', 'c-uri-query']

/** Records of web servers and proxies that use the names of Sigma's taxonomy. */
function logsourceOf(record: Draft): Reading['logsource'] {
  if (proxyMembers.some((name) => record[name] !== undefined)) return { category: 'proxy' }
  return webMembers.some((name) => record[name] !== undefined) ? { category: 'webserver' } : {}
}

function firstText(record: Draft, names: readonly string[]): JsonValue | undefined {
  for (const name of names) {
    const text = textOf(record[name])
    if (text !== undefined) return text
  }
  return undefined
}

/** Addresses among the top members, as observables: without a class nothing says which end they are. */
function addressesOf(record: Draft): JsonValue[] {
  const list: JsonValue[] = []
  for (const name of Object.keys(record)) {
    const value = record[name]
    if (typeof value !== 'string' || value.length < 3 || value.length > 45 || !/[.:]/.test(value)) continue
    const ip = ipOf(value)
    if (ip !== undefined) list.push({ name, type: 'IP Address', type_id: 2, value: ip })
    if (list.length === PARSE_LIMITS.observablesMax) break
  }
  return list
}

/** A record of no known source: a base event with the ends and names that many sources spell alike. */
function readGeneric(record: Draft): Reading {
  const ocsf = startEvent(0, 0)
  ocsf.severity_id = severityOf(record)
  const host = isObject(record.host) ? record.host.name : record.host
  put(ocsf, 'device', device(firstText(record, ['hostname', 'computer', 'Computer', 'Hostname']) ?? host))
  const metadata: Draft = {}
  const product = firstText(record, ['product', 'app', 'application', 'app_name', 'appname', 'program', 'service'])
  if (product !== undefined) metadata.product = { name: product }
  ocsf.metadata = metadata
  const actor = user({ name: firstText(record, ['user', 'username', 'user_name', 'userName']) })
  if (actor !== undefined) ocsf.actor = { user: actor }
  const addresses = addressesOf(record)
  if (addresses.length > 0) ocsf.observables = addresses
  return { original: record, logsource: logsourceOf(record), time: eventTime(record), ocsf }
}

/** What a JSON object means, by the shape of its source. */
export function readRecord(record: Draft): Reading {
  return (
    tryReadOcsf(record) ??
    tryReadWindows(record) ??
    tryReadCloudtrail(record) ??
    tryReadZeek(record) ??
    readGeneric(record)
  )
}
