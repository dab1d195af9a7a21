import { expect, test } from 'vitest'
import type { JsonObject } from '../../pipeline/index.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import { readSigma } from '../sigma/read.ts'

/** Whether a rule of that log source and selection matches an event of which only its members are known. */
function matches(logsource: string, selection: string, event: object): boolean {
  const text = `title: T\nid: t\nlogsource: ${logsource}\ndetection: {s: ${selection}, condition: s}\n`
  const rules = readSigma(text, { fallbackId: 'f' }).documents.flatMap((one) => (one.kind === 'rule' ? [one] : []))
  return new RuleMatcher(rules).match(event as JsonObject, {}).length === 1
}

const ocsf = (classUid: number, activity: number, more: object) => ({
  class_uid: classUid,
  activity_id: activity,
  metadata: { version: '1.8.0', product: { name: 'x' } },
  ...more,
})
const linux = { device: { os: { type_id: 200 } } }
const windows = { device: { os: { type_id: 100 } } }
const process = {
  process: { file: { path: '/usr/bin/curl' }, cmd_line: 'curl -k http://x' },
  actor: { process: { file: { path: '/bin/sh' } } },
}
const request = {
  http_request: {
    http_method: 'GET',
    url: { path: '/a/../b', query_string: 'q=1', hostname: 'h' },
    user_agent: 'sqlmap/1',
  },
  http_response: { code: 200 },
}
const dns = { query: { hostname: 'evil.example', type: 'TXT' }, answers: [{ rdata: '10.0.0.1', type: 'A' }] }
const call = {
  api: { operation: 'StopLogging', service: { name: 'cloudtrail.amazonaws.com' } },
  cloud: { provider: 'AWS' },
}

test.each([
  [
    'a process on Linux',
    '{product: linux, category: process_creation}',
    '{Image|endswith: /curl, ParentImage: /bin/sh}',
    ocsf(1007, 1, { ...process, ...linux }),
    true,
  ],
  [
    'the same for Windows',
    '{product: windows, category: process_creation}',
    '{Image|endswith: /curl}',
    ocsf(1007, 1, { ...process, ...linux }),
    false,
  ],
  [
    'its end',
    '{product: linux, category: process_creation}',
    '{Image|endswith: /curl}',
    ocsf(1007, 2, { ...process, ...linux }),
    false,
  ],
  [
    'a process on Windows',
    '{product: windows, category: process_creation}',
    "{Image|endswith: '\\a.exe'}",
    ocsf(1007, 1, { process: { file: { path: 'C:\\a.exe' } } }),
    true,
  ],
  [
    'a file on Windows',
    '{product: windows, category: file_event}',
    '{TargetFilename|endswith: .ps1}',
    ocsf(1001, 1, { file: { path: 'C:\\a.ps1' } }),
    true,
  ],
  [
    'a pipe',
    '{product: windows, category: pipe_created}',
    "{PipeName: '\\p'}",
    ocsf(1001, 1, { file: { path: '\\p', type_id: 6 } }),
    true,
  ],
  [
    'a pipe as a file',
    '{product: windows, category: file_event}',
    "{TargetFilename: '\\p'}",
    ocsf(1001, 1, { file: { path: '\\p', type_id: 6 } }),
    false,
  ],
  [
    'a value of the registry',
    '{product: windows, category: registry_set}',
    "{TargetObject|endswith: '\\Run\\x', Details: y}",
    ocsf(201002, 2, { reg_value: { path: 'HKLM\\Run', name: 'x', data: 'y' } }),
    true,
  ],
  [
    'a request',
    '{category: webserver}',
    "{cs-uri-query|contains: '/../', cs-user-agent|startswith: sqlmap, sc-status: 200}",
    ocsf(4002, 3, request),
    true,
  ],
  [
    'a request by a proxy',
    '{category: proxy}',
    '{c-useragent|startswith: sqlmap}',
    ocsf(4002, 3, { ...request, proxy_endpoint: {} }),
    true,
  ],
  ['a DNS query', '{category: dns}', '{query|endswith: .example, record_type: TXT}', ocsf(4003, 1, dns), true],
  [
    'a DNS query on Windows',
    '{product: windows, category: dns_query}',
    '{QueryName|endswith: .example}',
    ocsf(4003, 1, { ...dns, ...windows }),
    true,
  ],
  [
    'a call to a cloud',
    '{product: aws, service: cloudtrail}',
    '{eventName: StopLogging, eventSource: cloudtrail.amazonaws.com}',
    ocsf(6003, 4, call),
    true,
  ],
  [
    'what only `unmapped` has',
    '{product: windows, service: security}',
    '{AccessMask: "0x1"}',
    ocsf(0, 99, { unmapped: { AccessMask: '0x1' }, metadata: { log_name: 'Security', event_code: '4663' } }),
    true,
  ],
  [
    'names of every object',
    '{category: dns}',
    '{constructor: x}',
    ocsf(4003, 1, { query: 'no object', unmapped: { __proto__: { a: 1 } } }),
    false,
  ],
])('rules see %s in OCSF form', (_, logsource, selection, event, expected) => {
  expect(matches(logsource, selection, event)).toBe(expected)
})
