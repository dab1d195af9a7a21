import { describe, expect, test } from 'vitest'
import { createLogFiles } from './log-files.ts'
import type { FileEvent } from './types.ts'

const WRITTEN_AT = Date.UTC(2026, 10, 29)

function read(text: string, name = 'x.log'): FileEvent[] {
  const files = createLogFiles()
  const bytes = Buffer.from(text)
  const reader = files.open(files.formOf(bytes, name, true), WRITTEN_AT)
  const events = bytes
    .toString()
    .split('\n')
    .map((line, number) => reader.take(Buffer.from(line), number))
  return [...events, reader.end()].filter((event) => event !== undefined)
}

describe('lines of text', () => {
  test('are read as the service reads them, their year from when the file was written', () => {
    const [ssh, web, cef, words] = read(
      [
        'Dec  1 10:00:00 web1 sshd[7]: Failed password for root from 192.0.2.1 port 9 ssh2\r',
        '',
        '192.0.2.7 - - [28/Nov/2026:10:00:00 +0100] "GET /x?y=1 HTTP/1.1" 200 5 "-" "curl/8"',
        'CEF:0|v|Firewall|1|100|drop|5|src=192.0.2.1 dst=192.0.2.2',
        'just words',
      ].join('\n'),
    )
    expect(ssh).toMatchObject({
      line: 0,
      isKnown: true,
      time: Date.UTC(2026, 11, 1, 10),
      logsource: { product: 'linux', service: 'sshd' },
      original: { user: 'root', message: 'Failed password for root from 192.0.2.1 port 9 ssh2' },
    })
    expect(web).toMatchObject({
      line: 2,
      time: Date.UTC(2026, 10, 28, 9),
      logsource: { category: 'webserver' },
      original: { 'cs-uri-query': 'y=1' },
    })
    expect(cef).toMatchObject({ isKnown: true, logsource: { product: 'firewall' }, original: { src: '192.0.2.1' } })
    expect(words).toMatchObject({ line: 4, isKnown: false, logsource: {}, original: { message: 'just words' } })
    expect(words?.time).toBeUndefined()
  })

  test('may hold bytes of any kind', () => {
    const [zeros, latin] = ['a\0b', Buffer.from([0x6b, 0xe9])].map((line) => {
      const files = createLogFiles()
      return files.open({ kind: 'lines' }, 0).take(Buffer.from(line as string), 0)
    })
    expect(zeros?.original.message).toBe('a\0b')
    expect(latin?.original.message).toBe('ké')
  })
})

describe('rows of CSV', () => {
  test('have the names of their head, wherever they end', () => {
    const events = read(
      'Time,User,Text\r\n2026-01-01T00:00:00Z,ann,"one\r\ntwo, ""x"""\r\n\r\nx,bob,a"b\r\nx,eve,"open\r\n',
    )
    expect(events.map(({ line }) => line)).toEqual([1, 4, 5])
    expect(events.map(({ original }) => original.Text)).toEqual(['one\r\ntwo, "x"', 'a"b', 'open\r\n'])
    expect(events.map(({ original }) => original.User)).toEqual(['ann', 'bob', 'eve'])
  })

  test('are Windows events where they name channel and event id', () => {
    const [event] = read('Channel,EventID,Image\nMicrosoft-Windows-Sysmon/Operational,1,C:\\x.exe\n', 'sysmon.csv')
    expect(event?.logsource).toMatchObject({ product: 'windows' })
  })

  test('end at a bound when a quote is never closed', () => {
    const text = `a,b,c\n"x,1,2\n${'y,1,2\n'.repeat(300_000)}`
    const events = read(text, 'x.csv')
    expect(events.length).toBeGreaterThan(100_000)
    expect(events[0]).toMatchObject({ line: 1, isKnown: false })
    expect(String(events[0]?.original.message).length).toBeLessThan(1_100_000)
  })
})

const zeekHead = [
  '#separator \\x09',
  '#set_separator\t,',
  '#empty_field\t(empty)',
  '#unset_field\t-',
  '#path\tdns',
  '#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tquery\trcode\tAA\tanswers\trejected',
  '#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tcount\tbool\tvector[string]\tset[string]',
].join('\n')

describe("rows of Zeek's logs", () => {
  test('are as the same log has them in JSON', () => {
    const row = '1588205199.82\tCx\t10.0.0.1\t5000\t10.0.0.2\t53\ta\\x09b.example\t3\tF\t1.2.3.4,x\t(empty)'
    const [event] = read(`${zeekHead}\n${row}\n#close\t2026\n`)
    expect(event).toMatchObject({
      line: 7,
      time: 1_588_205_199_820,
      logsource: { product: 'zeek', service: 'dns' },
      original: {
        ...{ _path: 'dns', ts: 1_588_205_199.82, 'id.orig_h': '10.0.0.1', 'id.orig_p': 5000, query: 'a\tb.example' },
        ...{ rcode: 3, AA: false, answers: ['1.2.3.4', 'x'], rejected: [] },
      },
      ocsf: { class_uid: 4003, rcode_id: 3 },
    })
  })

  test('are of their log where it has no class, and of the head above them', () => {
    const other = '#path\tsmb_files\n#fields\tts\tname\n#types\ttime\tstring\n1588205199.0\t-'
    const events = read(`${zeekHead}\n1\tCx\t10.0.0.1\t1\t10.0.0.2\t53\tq\t-\t-\t-\t-\n${other}\n`)
    expect(events.map(({ logsource }) => logsource.service)).toEqual(['dns', 'smb_files'])
    expect(events[1]?.original).toEqual({ _path: 'smb_files', ts: 1_588_205_199 })
    expect(events[0]?.original).not.toHaveProperty('rcode')
  })
})

describe('rows of the extended format', () => {
  test('of IIS are requests under the names of Sigma', () => {
    const head =
      '#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) cs(Referer) sc-status'
    const [event] = read(`${head}\n2026-11-28 10:00:01 POST /a.aspx cmd=x 192.0.2.1 Mozilla/5.0+(X11) - 200\n`)
    expect(event).toMatchObject({
      line: 3,
      time: Date.UTC(2026, 10, 28, 10, 0, 1),
      logsource: { category: 'webserver', service: 'iis' },
      original: { 'cs-uri': '/a.aspx?cmd=x', 'cs-user-agent': 'Mozilla/5.0 (X11)', 'sc-status': '200' },
      ocsf: { class_uid: 4002, http_request: { http_method: 'POST' }, http_response: { code: 200 } },
    })
    expect(event?.original).not.toHaveProperty('cs-referer')
  })

  test('of proxies are told by what proxies alone write', () => {
    const head =
      '#Version: 1.0\n#Date: 2026-11-28\n#Fields: time c-ip s-action cs-method cs-uri-scheme cs-host cs-uri-path cs-uri-query cs(User-Agent) sc-status'
    const [event] = read(`${head}\n10:00:00 10.0.0.1 TCP_MISS GET http h.example /x ?q=1 "Mozilla/5.0 (hydra)" 200\n`)
    expect(event).toMatchObject({
      time: Date.UTC(2026, 10, 28, 10),
      logsource: { category: 'proxy' },
      original: { 'c-uri': 'http://h.example/x?q=1', 'c-useragent': 'Mozilla/5.0 (hydra)', 'cs-host': 'h.example' },
    })
  })

  test('of firewalls, with tabs, with commas', () => {
    const [wall] = read(
      '#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Fields: date time action protocol src-ip dst-ip src-port dst-port\n2026-11-28 10:00:00 DROP TCP 10.0.0.1 10.0.0.2 1 445\n',
    )
    expect(wall).toMatchObject({
      logsource: { category: 'firewall' },
      original: { src_ip: '10.0.0.1', dst_port: '445' },
      ocsf: { class_uid: 4001, dst_endpoint: { ip: '10.0.0.2', port: 445 } },
    })
    const [cdn] = read('#Version: 1.0\n#Fields: date time cs-method cs(User-Agent)\n2026-11-28\t10:00:00\tGET\tA B\n')
    expect(cdn).toMatchObject({ logsource: { category: 'webserver' }, original: { 'cs-user-agent': 'A B' } })
    const [mail] = read(
      '#Version: 15\n#Fields: date-time,client-ip,message-subject\n2026-11-28T10:00:00Z,10.0.0.1,"a, b"\n',
    )
    expect(mail).toMatchObject({ time: Date.UTC(2026, 10, 28, 10), original: { 'message-subject': 'a, b' } })
  })

  test('go by the directives that stand last above them', () => {
    const events = read('#Fields: a b\n1 2\n#Fields: c\n3\n')
    expect(events.map(({ original }) => original)).toEqual([{ a: '1', b: '2' }, { c: '3' }])
  })
})

describe("an entry of systemd's journal", () => {
  const entry = {
    __REALTIME_TIMESTAMP: '1772355660000000',
    _HOSTNAME: 'web1',
    SYSLOG_IDENTIFIER: 'sshd',
    SYSLOG_FACILITY: '10',
    PRIORITY: '6',
    _PID: '7',
    MESSAGE: 'Failed password for root from 192.0.2.1 port 9 ssh2',
  }
  const readEntry = (more: object) => {
    const [event] = read(JSON.stringify({ ...entry, ...more }))
    return event
  }

  test('means what its message means in syslog', () => {
    expect(createLogFiles().carriesText(entry)).toBe(true)
    expect(readEntry({})).toMatchObject({
      time: 1_772_355_660_000,
      logsource: { product: 'linux', service: 'sshd' },
      original: { ...entry, message: entry.MESSAGE, user: 'root', src_ip: '192.0.2.1', facility: 'authpriv' },
      ocsf: { class_uid: 3002, status_id: 2, device: { hostname: 'web1' } },
    })
  })

  test('has its program from the kernel where it says none, its text from bytes', () => {
    const sudo = { SYSLOG_IDENTIFIER: undefined, _COMM: 'sudo' }
    expect(readEntry(sudo)?.logsource.service).toBe('sudo')
    expect(readEntry({ MESSAGE: [...Buffer.from('\x1b[1mbold é')] })?.original.message).toBe('\x1b[1mbold é')
    expect(readEntry({ MESSAGE: null })?.original.message).toBe('')
  })
})

describe('a document', () => {
  const split = (text: string) => {
    const { records, problem } = createLogFiles().split(Buffer.from(text))
    return [records.map((record) => JSON.parse(record.toString())), problem]
  }

  test('is taken apart into its records', () => {
    expect(split('[ {"a":1},\n {"b":[2]} ]\n')).toEqual([[{ a: 1 }, { b: [2] }], undefined])
    expect(split('{\n "Records": [{"a":1}, {"a":2}],\n "more": [1]\n}')).toEqual([[{ a: 1 }, { a: 2 }], undefined])
    expect(split('{\n "a": 1\n}\n{\n "a": 2\n}\n[{"a":3}]')).toEqual([[{ a: 1 }, { a: 2 }, { a: 3 }], undefined])
    expect(split('[]')).toEqual([[], undefined])
  })

  test('that was cut off has the records before', () => {
    expect(split('[{"a":1},{"b":')).toEqual([[{ a: 1 }], 'broken JSON: an element does not end at byte 9'])
    expect(split('{"Records":[\n{"a":1},')).toEqual([[{ a: 1 }], 'broken JSON: the array does not end at byte 21'])
    expect(split('{\n "a": 1')).toEqual([[], 'broken JSON: the object does not end at byte 0'])
  })
})
