import { describe, expect, it } from 'vitest'
import { parsePattern } from '../stix/parse-pattern.ts'
import { compilePattern } from './compile-pattern.ts'
import { exactValues } from './exact-values.ts'

describe('a pattern of single values', () => {
  it.each<[string, string[]]>([
    ["[ipv4-addr:value = '8.8.8.8']", ['ip 8.8.8.8']],
    ["[ipv4-addr:value = '8.8.0.0/16']", ['network 8.8.0.0/16']],
    ["[ipv6-addr:value ISSUBSET '2001:DB8::/32']", ['network 2001:db8::/32']],
    ["[domain-name:value IN ('A.example', 'b.example')]", ['domain a.example', 'domain b.example']],
    [
      "[url:value = 'http://x.example'] OR [file:hashes.MD5 = 'D41D8CD98F00B204E9800998ECF8427E']",
      ['url http://x.example/', 'md5 d41d8cd98f00b204e9800998ecf8427e'],
    ],
    [
      "[file:hashes.'SHA-1' = 'da39a3ee5e6b4b0d3255bfef95601890afd80709' OR (email-addr:value = 'a@b.example')]",
      ['sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709', 'email a@b.example'],
    ],
    ["[network-traffic:dst_ref.value = '8.8.8.8']", ['ip 8.8.8.8']],
  ])('%s is its values', (text, expected) => {
    expect(exactValues(parsePattern(text))?.map(({ type, value }) => `${type} ${value}`)).toEqual(expected)
  })

  it.each([
    "[ipv4-addr:value = '8.8.8.8' AND network-traffic:dst_port = 1]",
    "[ipv4-addr:value = '8.8.8.8'] AND [file:name = 'a']",
    "[ipv4-addr:value != '8.8.8.8']",
    "[ipv4-addr:value NOT = '8.8.8.8']",
    "[url:value LIKE 'http://%']",
    "[file:name = 'a']",
    '[EXISTS url:value]',
  ])('%s is more', (text) => {
    expect(exactValues(parsePattern(text))).toBeUndefined()
  })
})

const compiled = (text: string) => compilePattern(parsePattern(text))

describe('a pattern that one event decides', () => {
  it.each([
    "[ipv4-addr:value = '8.8.8.8' AND network-traffic:dst_port = 1]",
    "[url:value LIKE 'http://evil.%']",
    "[file:name = 'a.exe'] OR [process:command_line MATCHES 'evil-[0-9]+']",
    "[file:name = 'a.exe'] WITHIN 5 SECONDS",
    "[file:name = 'a.exe'] REPEATS 1 TIMES",
    "[file:name = 'a.exe'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'",
    "[file:name = 'a.exe' AND NOT EXISTS file:hashes.MD5]",
    "[ipv4-addr:value ISSUBSET '8.8.0.0/16' AND network-traffic:dst_port != 53]",
  ])('%s is compiled', (text) => {
    expect(compiled(text)).toMatchObject({ ok: true })
  })

  it.each([
    ["[ipv4-addr:value = '8.8.8.8'] AND [file:name = 'a']", /several observations/],
    ["[ipv4-addr:value = '8.8.8.8'] FOLLOWEDBY [file:name = 'a']", /one after another/],
    ["[ipv4-addr:value = '8.8.8.8'] REPEATS 5 TIMES", /repeated/],
    ["[mutex:name = 'x']", /events do not show mutex:name/],
    ["[file:x_own = 'x']", /events do not show file:x_own/],
    ["[file:name MATCHES '(a)\\\\1']", /linear time/],
    ["[ipv4-addr:value ISSUBSET 'nonsense']", /no address/],
    [
      `[${Array.from({ length: 20 }, (_, at) => `(file:name = 'a${at}' OR file:size = ${at})`).join(' AND ')}]`,
      /256 ways/,
    ],
    // What everybody's events hold tells nothing.
    ["[ipv4-addr:value != '8.8.8.8']", /rare enough: ipv4-addr:value/],
    ["[url:value LIKE '%']", /rare enough/],
    ["[url:value LIKE 'h_t_p%']", /rare enough/],
    ["[url:value MATCHES '.+']", /rare enough/],
    ["[ipv4-addr:value ISSUBSET '10.0.0.0/8' AND network-traffic:dst_port = 22]", /rare enough/],
    ["[ipv4-addr:value = '10.0.0.1' AND network-traffic:dst_port = 22]", /rare enough/],
    ["[domain-name:value = 'co.uk' AND domain-name:resolves_to_refs[*].value != '8.8.8.8']", /rare enough/],
    ['[EXISTS url:value]', /rare enough/],
    ["[network-traffic:dst_port = 443 AND network-traffic:protocols[*] = 'tcp']", /rare enough/],
    ["[file:name = 'a'] OR [file:size > 7]", /rare enough: file:size/],
  ])('%s is not, with the reason', (text, reason) => {
    const result = compiled(text)
    expect(result.ok ? '' : result.error).toMatch(reason)
  })
})
