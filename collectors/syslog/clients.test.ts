import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMetrics, systemClock } from '../../platform/index.ts'
import { aShard, openTestLog, type TestLog, until } from '../../test/support/partition-log.ts'
import { hasEngine } from '../../test/support/requirements.ts'
import { createParser } from '../parse/parser.ts'
import { type SyslogService, startSyslog } from './start.ts'

const run = promisify(execFile)
const hasLogger = hasEngine('logger', spawnSync('logger', ['--version']).status === 0)
const RSYSLOGD = '/usr/sbin/rsyslogd'
const hasRsyslogd = hasEngine('rsyslogd', existsSync(RSYSLOGD))

let testLog: TestLog
let service: SyslogService

beforeEach(async () => {
  testLog = await openTestLog()
  service = await startSyslog({
    host: '127.0.0.1',
    tcpPort: 0,
    udpPort: 0,
    log: testLog.log,
    target: aShard,
    clock: systemClock,
    metrics: createMetrics(),
    limits: { drainQuietMs: 20 },
  })
})
afterEach(async () => {
  await service.stop()
  await testLog.close()
})

async function events(count: number) {
  await until(() => testLog.log.end(aShard) >= count, `${count} records are durable`)
  const parser = createParser()
  return (await testLog.readAll()).map((record) => parser.parse(record))
}

const message = 'Failed password for invalid user admin from 203.0.113.5 port 4022 ssh2'

describe.skipIf(!hasLogger)('logger of util-linux (needs logger)', () => {
  const transports: readonly (readonly [string, string[]])[] = [
    ['UDP', ['--udp']],
    ['TCP', ['--tcp']],
    ['TCP with octet counting', ['--tcp', '--octet-count']],
  ]
  const forms: readonly (readonly [string, string[]])[] = [
    ['RFC 5424', ['--rfc5424']],
    ['RFC 3164', ['--rfc3164']],
  ]
  for (const [transport, transportArgs] of transports) {
    for (const [form, formArgs] of forms) {
      it(`is understood over ${transport} in the form of ${form}`, async () => {
        const port = transport === 'UDP' ? service.udpPort : service.tcpPort
        const where = ['--server', '127.0.0.1', '--port', String(port)]
        await run('logger', [...where, ...transportArgs, ...formArgs, '-t', 'sshd', '-i', '-p', 'auth.info', message])
        const [event] = await events(1)
        expect(event?.parseError).toBeUndefined()
        expect(event?.original).toMatchObject({
          facility: 'auth',
          severity: 'info',
          app_name: 'sshd',
          message,
          user: 'admin',
          src_ip: '203.0.113.5',
        })
        expect(event?.original.proc_id).toMatch(/^\d+$/)
        expect(event?.ocsf).toMatchObject({ class_uid: 3002, status_id: 2 })
        expect(event?.logsource).toEqual({ product: 'linux', service: 'sshd' })
        expect(Math.abs((event?.time ?? 0) - (event?.receivedAt ?? 0))).toBeLessThan(24 * 60 * 60 * 1000)
      })
    }
  }

  it('is understood with structured data', async () => {
    const data = ['--sd-id', 'origin@32473', '--sd-param', 'note="say \\"hi\\""']
    const where = ['--server', '127.0.0.1', '--port', String(service.tcpPort), '--tcp', '--octet-count', '--rfc5424']
    await run('logger', [...where, ...data, '-t', 'app', 'text'])
    const [event] = await events(1)
    expect(event?.original.structured_data).toMatchObject({ 'origin@32473': { note: 'say "hi"' } })
    expect(event?.original.message).toBe('text')
  })
})

describe.skipIf(!hasRsyslogd)('rsyslogd as a forwarder (needs rsyslogd)', () => {
  for (const framing of ['traditional', 'octet-counted']) {
    it(`delivers each line once over TCP, framing ${framing}`, { timeout: 60_000 }, async () => {
      const dir = mkdtempSync(join(tmpdir(), 'rampart-rsyslog-'))
      const input = join(dir, 'input.log')
      const count = 500
      writeFileSync(
        join(dir, 'rsyslog.conf'),
        `global(workDirectory="${dir}")
module(load="imfile" mode="inotify")
input(type="imfile" file="${input}" tag="sshd[77]:" severity="info" facility="auth")
action(type="omfwd" target="127.0.0.1" port="${service.tcpPort}" protocol="tcp" TCP_Framing="${framing}"
  template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1" action.resumeInterval="1")
`,
      )
      writeFileSync(
        input,
        Array.from({ length: count }, (_, i) => `${message.replace('admin', `user${i}`)}\n`).join(''),
      )
      const daemon = spawn(RSYSLOGD, ['-n', '-f', join(dir, 'rsyslog.conf'), '-i', join(dir, 'pid')], {
        stdio: 'ignore',
      })
      try {
        const all = await events(count)
        expect(all.map(({ original }) => original.user)).toEqual(Array.from({ length: count }, (_, i) => `user${i}`))
        expect(all[0]?.original).toMatchObject({ app_name: 'sshd', facility: 'auth', src_ip: '203.0.113.5' })
        expect(all[0]?.ocsf.class_uid).toBe(3002)
      } finally {
        daemon.kill('SIGTERM')
        await once(daemon, 'exit')
        rmSync(dir, { recursive: true, force: true })
      }
    })
  }
})
