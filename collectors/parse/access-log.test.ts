import { describe, expect, it } from 'vitest'
import { isAccessLog, tryParseAccessLog } from './access-log.ts'

const AT = Date.parse('2026-03-01T11:58:00Z')

describe('access logs', () => {
  it('reads the combined format under Sigma’s names', () => {
    const line =
      '203.0.113.9 - ann [01/Mar/2026:12:58:00 +0100] "GET /a/b.php?id=1%27%20OR%201=1 HTTP/1.1" 200 512 "https://example.org/x" "sqlmap/1.7 \\"q\\""'
    const reading = tryParseAccessLog(line)
    expect(reading?.original).toEqual({
      'c-ip': '203.0.113.9',
      'cs-username': 'ann',
      'cs-method': 'GET',
      'cs-uri': '/a/b.php?id=1%27%20OR%201=1',
      'cs-uri-stem': '/a/b.php',
      'cs-uri-query': 'id=1%27%20OR%201=1',
      'cs-version': 'HTTP/1.1',
      'sc-status': 200,
      'sc-bytes': 512,
      'cs-referer': 'https://example.org/x',
      'cs-user-agent': 'sqlmap/1.7 "q"',
    })
    expect(reading?.time).toBe(AT)
    expect(reading?.logsource).toEqual({ category: 'webserver' })
    expect(reading?.ocsf).toMatchObject({
      class_uid: 4002,
      activity_id: 3,
      status_id: 1,
      src_endpoint: { ip: '203.0.113.9' },
      actor: { user: { name: 'ann' } },
      http_request: {
        http_method: 'GET',
        url: { path: '/a/b.php', query_string: 'id=1%27%20OR%201=1', url_string: '/a/b.php?id=1%27%20OR%201=1' },
        user_agent: 'sqlmap/1.7 "q"',
        version: '1.1',
      },
      http_response: { code: 200, length: 512 },
    })
  })

  it.each<[string, string, object]>([
    [
      'the common format',
      'h - - [01/Mar/2026:11:58:00 +0000] "GET / HTTP/1.0" 304 -',
      { 'c-ip': 'h', 'cs-uri-stem': '/', 'sc-status': 304 },
    ],
    [
      'a virtual host in front',
      'shop.example.org:443 203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"',
      { 'c-ip': '203.0.113.9', 'cs-host': 'shop.example.org' },
    ],
    [
      'a user with spaces and brackets',
      '203.0.113.9 - a [b] c [01/Mar/2026:11:58:00 +0000] "GET / HTTP/1.1" 200 1',
      { 'cs-username': 'a [b] c' },
    ],
    [
      'a user that looks like a line',
      '203.0.113.9 - x [09/Sep/2009:09:09:09 +0000] \\"GET /fake HTTP/1.1\\" 200 [01/Mar/2026:11:58:00 +0000] "GET /real HTTP/1.1" 401 1',
      { 'cs-uri-stem': '/real', 'sc-status': 401 },
    ],
    [
      'spaces in the path',
      '203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "GET /a b HTTP/1.1" 200 1',
      { 'cs-uri-stem': '/a b' },
    ],
    [
      'HTTP/0.9',
      '203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "GET /" 200 1',
      { 'cs-method': 'GET', 'cs-uri-stem': '/' },
    ],
    ['no request', '203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "-" 408 -', { 'sc-status': 408 }],
    [
      'bytes for a request',
      '203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "\\x16\\x03\\x01" 400 226',
      { 'cs-uri': '\x16\x03\x01', 'sc-status': 400 },
    ],
    [
      'more fields behind',
      '203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "GET / HTTP/1.1" 200 1 "-" "curl/8" 0.005 "x"',
      { 'cs-user-agent': 'curl/8' },
    ],
  ])('reads %s', (_, line, original) => {
    expect(isAccessLog(line)).toBe(true)
    const reading = tryParseAccessLog(line)
    expect(reading?.original).toMatchObject(original)
    expect(reading?.time).toBe(AT)
  })

  it.each([
    'GET / HTTP/1.1',
    '203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] GET / 200',
    '203.0.113.9 - - [41/Mar/2026:11:58:00 +0000] "GET / HTTP/1.1" 200 1',
    '203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "GET / HTTP/1.1',
    '203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "GET / HTTP/1.1" abc 1',
    '"',
    '',
  ])('is none of them: %s', (line) => {
    expect(tryParseAccessLog(line)).toBeUndefined()
  })

  it('names the server that writes to syslog', () => {
    const line = '203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "GET / HTTP/1.1" 200 1'
    expect(tryParseAccessLog(line, '/usr/sbin/httpd')?.logsource).toEqual({ category: 'webserver', service: 'apache' })
    expect(tryParseAccessLog(line, 'nginx')?.logsource).toEqual({ category: 'webserver', service: 'nginx' })
    expect(tryParseAccessLog(line, 'constructor')?.logsource).toEqual({ category: 'webserver' })
  })

  it('takes linear time for quotes and backslashes', () => {
    const line = `203.0.113.9 - - [01/Mar/2026:11:58:00 +0000] "GET /${'\\"'.repeat(200_000)}`
    expect(tryParseAccessLog(line)).toBeUndefined()
    expect(tryParseAccessLog('\\'.repeat(500_000))).toBeUndefined()
  })
})
