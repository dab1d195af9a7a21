import { describe, expect, it } from 'vitest'
import { PATTERNS_PER_VALUE_MAX, PATTERNS_SCANNED_MAX } from '../limits.ts'
import { aLiveOpinion, START } from '../testing/builders.ts'
import type { LiveIndicator } from '../types.ts'
import { PatternIndex } from './pattern-index.ts'
import type { Observation } from './shown-objects.ts'

const aPattern = (value: string, ...opinions: LiveIndicator['opinions']): LiveIndicator => ({
  type: 'pattern',
  value,
  opinions: opinions.length > 0 ? opinions : [aLiveOpinion()],
})
const anIndex = (...patterns: string[]) => {
  const index = new PatternIndex()
  index.set(
    patterns.map((text) => aPattern(text)),
    0,
  )
  return index
}
const web: Observation = {
  time: START,
  ocsf: {
    class_uid: 4002,
    src_endpoint: { ip: '10.1.1.7', port: 50123 },
    dst_endpoint: { ip: '8.8.8.8', port: 443 },
    connection_info: { protocol_name: 'TCP' },
    http_request: { http_method: 'GET', user_agent: 'curl/8.1', url: { url_string: '/stage2.bin' } },
    tls: { ja3_hash: { value: 'D41D8CD98F00B204E9800998ECF8427E' } },
  },
  observables: [
    { type: 'ip', value: '10.1.1.7' },
    { type: 'ip', value: '8.8.8.8' },
    { type: 'domain', value: 'Files.Evil.example' },
  ],
}
const launch: Observation = {
  time: START,
  ocsf: {
    class_uid: 1007,
    process: {
      pid: 7,
      cmd_line: 'powershell -enc SQBFAFgA',
      user: { name: 'ann' },
      file: {
        name: 'powershell.exe',
        path: 'C:\\Windows\\System32\\powershell.exe',
        hashes: [{ value: 'DA39A3EE5E6B4B0D3255BFEF95601890AFD80709' }],
      },
      parent_process: { pid: 6, cmd_line: 'winword.exe /n', file: { name: 'winword.exe', size: 12 } },
    },
  },
  observables: [],
}
const dns: Observation = {
  time: START,
  ocsf: { class_uid: 4003, query: { hostname: 'c2.example' }, answers: [{ rdata: '9.9.9.9' }] },
  observables: [
    { type: 'domain', value: 'c2.example' },
    { type: 'domain', value: 'other.example' },
    { type: 'ip', value: '9.9.9.9' },
  ],
}

describe('an event', () => {
  it.each<[string, Observation]>([
    ["[ipv4-addr:value = '8.8.8.8' AND network-traffic:dst_port = 443]", web],
    ["[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '8.8.8.8']", web],
    ["[network-traffic:protocols[*] = 'tcp' AND network-traffic:dst_ref.value IN ('8.8.4.4', '8.8.8.8')]", web],
    ["[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'curl/8.1']", web],
    ["[network-traffic:extensions.'http-request-ext'.request_value LIKE '/stage_.bin']", web],
    [
      "[network-traffic:extensions.'tls-ext'.ja3_hash = 'd41d8cd98f00b204e9800998ecf8427e' AND network-traffic:src_port > 1024]",
      web,
    ],
    ["[domain-name:value LIKE '%.EVIL.example']", web],
    ["[domain-name:value MATCHES '^files[.]evil']", web],
    ["[ipv4-addr:value ISSUBSET '8.8.0.0/16' AND network-traffic:dst_port NOT IN (53, 80)]", web],
    ["[ipv4-addr:value ISSUPERSET '8.8.8.8' AND network-traffic:dst_port = 443]", web],
    ["[process:command_line LIKE '%-enc %' AND process:image_ref.name = 'powershell.exe']", launch],
    ["[process:parent_ref.command_line MATCHES 'winword' AND process:creator_user_ref.account_login = 'ann']", launch],
    ["[file:hashes.'SHA-1' = 'da39a3ee5e6b4b0d3255bfef95601890afd80709' AND file:name != 'cmd.exe']", launch],
    ["[file:parent_directory_ref.path = 'C:\\\\Windows\\\\System32']", launch],
    ["[file:name = 'winword.exe' AND file:size <= 12 AND NOT EXISTS file:hashes.MD5]", launch],
    ["[domain-name:value = 'c2.example' AND domain-name:resolves_to_refs[*].value = '9.9.9.9']", dns],
    ["[file:name = 'nothing.exe'] OR [domain-name:value = 'C2.example.' AND ipv4-addr:value = '9.9.9.9']", dns],
    [
      "[domain-name:value = 'c2.example' AND ipv4-addr:value = '9.9.9.9'] START t'2026-03-01T00:00:00Z' STOP t'2026-03-02T00:00:00Z'",
      dns,
    ],
  ])('meets %s', (pattern, observation) => {
    expect(
      anIndex(pattern)
        .find(observation, START)
        .map(({ value }) => value),
    ).toEqual([pattern])
  })

  it.each<[string, Observation]>([
    ["[ipv4-addr:value = '8.8.8.8' AND network-traffic:dst_port = 80]", web],
    // Both of one file, not each of some file.
    ["[file:name = 'powershell.exe' AND file:size = 12]", launch],
    ["[domain-name:value = 'other.example' AND domain-name:resolves_to_refs[*].value = '9.9.9.9']", dns],
    ["[process:command_line LIKE 'enc SQB%']", launch],
    ["[file:name = 'POWERSHELL.EXE']", launch],
    ["[ipv4-addr:value ISSUBSET '8.9.0.0/16' AND network-traffic:dst_port = 443]", web],
    [
      "[domain-name:value = 'c2.example' AND ipv4-addr:value = '9.9.9.9'] START t'2026-02-01T00:00:00Z' STOP t'2026-03-01T00:00:00Z'",
      dns,
    ],
  ])('does not meet %s', (pattern, observation) => {
    const index = anIndex(pattern)
    expect(index.size).toBe(1)
    expect(index.find(observation, START)).toEqual([])
  })

  it('is told what held of it, and opinions that hold', () => {
    const index = new PatternIndex()
    const opinions = [aLiveOpinion({ source: 'a' }), aLiveOpinion({ source: 'b', validFrom: START + 1 })]
    const text = "[network-traffic:dst_port = 443 AND network-traffic:dst_ref.value = '8.8.8.8']"
    index.change(aPattern(text, ...opinions), 1)
    expect(index.find(web, START)).toEqual([
      {
        type: 'pattern',
        value: text,
        opinions: [opinions[0]],
        field: 'network-traffic:dst_ref.value',
        observable: '8.8.8.8',
        values: [{ type: 'ip', value: '8.8.8.8' }],
      },
    ])
    expect(index.find(web, START - 1)).toEqual([])
  })
})

describe('an index of patterns', () => {
  const evil = "[domain-name:value = 'files.evil.example' AND network-traffic:dst_port = 443]"
  const met = (index: PatternIndex) => index.find(web, START).map(({ value }) => value)

  it('keeps what changed after a set was begun', () => {
    const index = anIndex(evil)
    index.change({ type: 'pattern', value: evil, opinions: [] }, 3)
    expect(met(index)).toEqual([])
    index.set([aPattern(evil)], 2)
    expect(met(index)).toEqual([])
    index.set([aPattern(evil)], 3)
    expect(met(index)).toEqual([evil])
    index.change(aPattern(evil), 5)
    index.set([], 4)
    expect(met(index)).toEqual([evil])
    index.set([], 5)
    expect(met(index)).toEqual([])
    expect(index.counts).toEqual({ indexed: 0, scanned: 0, passedOver: 0 })
  })

  it('finds by a text that a value has to hold', () => {
    const many = Array.from({ length: 2_000 }, (_, at) => `[domain-name:value LIKE '%x${at}.evil.example']`)
    const other = "[process:command_line LIKE '%-enc %']"
    const index = anIndex(...many, "[domain-name:value MATCHES 'les[.]evil\\\\.ex']", other)
    expect(index.counts).toEqual({ indexed: 2_002, scanned: 0, passedOver: 0 })
    expect(met(index)).toEqual(["[domain-name:value MATCHES 'les[.]evil\\\\.ex']"])
    expect(index.find(launch, START).map(({ value }) => value)).toEqual([other])
    index.set([], 1)
    expect([index.size, index.find(web, START), index.find(launch, START)]).toEqual([0, [], []])
  })

  it('bounds what is compared with every event, and what one value leads to', () => {
    const scanned = Array.from(
      { length: PATTERNS_SCANNED_MAX + 3 },
      (_, at) => `[file:name MATCHES '^e[0-9]v[${at}-]$']`,
    )
    const crowd = Array.from(
      { length: PATTERNS_PER_VALUE_MAX + 2 },
      (_, at) => `[file:name = 'evil.exe' AND file:size = ${at}]`,
    )
    const index = anIndex(...scanned, ...crowd)
    expect(index.counts).toEqual({ indexed: PATTERNS_PER_VALUE_MAX, scanned: PATTERNS_SCANNED_MAX, passedOver: 5 })
    index.change({ type: 'pattern', value: scanned[0] ?? '', opinions: [] }, 1)
    index.set(
      [...scanned, ...crowd].slice(1).map((text) => aPattern(text)),
      1,
    )
    expect(index.counts).toEqual({ indexed: PATTERNS_PER_VALUE_MAX, scanned: PATTERNS_SCANNED_MAX, passedOver: 4 })
  })
})
