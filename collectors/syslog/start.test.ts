import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMetrics, defineErrors, type Metrics, RampartError, systemClock } from '../../platform/index.ts'
import { aShard, openTestLog, type TestLog, until } from '../../test/support/partition-log.ts'
import type { SyslogLimits } from '../limits.ts'
import { type SyslogOptions, type SyslogService, startSyslog } from './start.ts'

const testError = defineErrors({ 'test.log.full': { status: 503, title: 'Full, for a test' } })

let testLog: TestLog
let metrics: Metrics
let service: SyslogService | undefined

beforeEach(async () => {
  testLog = await openTestLog()
  metrics = createMetrics()
})
afterEach(async () => {
  testLog.admit()
  await service?.stop()
  service = undefined
  await testLog.close()
})

async function start(limits: Partial<SyslogLimits> = {}, options: Partial<SyslogOptions> = {}) {
  service = await startSyslog({
    host: '127.0.0.1',
    tcpPort: 0,
    udpPort: 0,
    log: testLog.log,
    target: aShard,
    clock: systemClock,
    metrics,
    limits: { drainQuietMs: 20, retryMsMin: 5, ...limits },
    ...options,
  })
  return service
}

async function open(): Promise<Socket> {
  const socket = connect(service?.tcpPort ?? 0, '127.0.0.1').resume()
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function payloads(): Promise<string[]> {
  return (await testLog.readAll()).map(({ payload }) => Buffer.from(payload).toString('latin1'))
}

/** The value of a metric as Prometheus would see it; 0 where it is not told. */
async function measure(series: string): Promise<number> {
  const { text } = await metrics.scrape()
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1) ?? 0)
}

const arrived = (count: number) => until(() => testLog.log.end(aShard) >= count, `${count} records are durable`)

describe('syslog over TCP', () => {
  it('keeps messages as they came, of both framings, with who sent them', async () => {
    await start()
    const socket = await open()
    socket.write('<13>one\n10 <13>two\nxx<13>three\r\n')
    await arrived(3)
    const records = await testLog.readAll()
    expect(await payloads()).toEqual(['<13>one', '<13>two\nxx', '<13>three'])
    expect(records.map(({ source, format }) => [source, format])).toEqual(
      Array.from({ length: 3 }, () => ['syslog/tcp 127.0.0.1', 'syslog']),
    )
    expect(await measure('rampart_collectors_records_total{collector="syslog_tcp"}')).toBe(3)
    expect(await measure('rampart_collectors_bytes_total{collector="syslog_tcp"}')).toBe(26)
    socket.destroy()
  })

  it('keeps what a closing sender left unfinished, marked', async () => {
    await start()
    const socket = await open()
    socket.end('<13>whole\n<13>half a mess')
    await arrived(2)
    const records = await testLog.readAll()
    expect(records.map(({ headers }) => headers)).toEqual([{}, { partial: 'true' }])
    expect(await payloads()).toEqual(['<13>whole', '<13>half a mess'])
  })

  it('cuts a long message, marks and counts it, and takes the next', async () => {
    await start({ frameBytesMax: 1000 })
    const socket = await open()
    socket.write(`<13>${'x'.repeat(9_996)}\n<13>next\n`)
    await arrived(2)
    const [cut, next] = await testLog.readAll()
    expect(cut?.payload.length).toBe(1000)
    expect(cut?.headers).toEqual({ cut: 'true' })
    expect(Buffer.from(next?.payload ?? []).toString()).toBe('<13>next')
    expect(await measure('rampart_collectors_cut_total{collector="syslog_tcp"}')).toBe(1)
    expect(await measure('rampart_collectors_cut_bytes_total{collector="syslog_tcp"}')).toBe(9_000)
    socket.destroy()
  })

  it('brings many lines in few appends', async () => {
    await start()
    const socket = await open()
    const lines = Array.from({ length: 20_000 }, (_, i) => `<13>line ${i}`)
    socket.write(`${lines.join('\n')}\n`)
    await arrived(lines.length)
    expect(await payloads()).toEqual(lines)
    expect(testLog.appends()).toBeLessThan(lines.length / 20)
    socket.destroy()
  })

  it('loses nothing while the log refuses, and holds the sender back', async () => {
    await start({ connectionWaitingBytesMax: 100_000 })
    testLog.refuse(testError('test.log.full', 'the disk has no room'))
    const socket = await open()
    const line = `<13>${'y'.repeat(996)}\n`
    const count = 10_000
    socket.end(line.repeat(count))
    await until(
      async () => (await measure('rampart_collectors_pauses_total{collector="syslog_tcp"}')) > 0,
      'the sender is held back',
    )
    expect(await measure('rampart_collectors_waiting_bytes{collector="syslog_tcp"}')).toBeLessThan(400_000)
    await until(
      async () =>
        (await measure('rampart_collectors_appends_refused_total{collector="syslog_tcp",code="test.log.full"}')) > 1,
      'an append was tried again',
    )
    expect(await payloads()).toEqual([])

    testLog.admit()
    await arrived(count)
    const kept = await payloads()
    expect(kept.length).toBe(count)
    expect(new Set(kept)).toEqual(new Set([line.slice(0, -1)]))
  })

  it('stops reading from all when too much waits in total, and reads again', async () => {
    await start({ tcpWaitingBytesMax: 200_000 })
    testLog.hold()
    const sockets = await Promise.all(Array.from({ length: 5 }, open))
    for (const [i, socket] of sockets.entries()) socket.write(`<13>${i} ${'z'.repeat(990)}\n`.repeat(1000))
    await until(
      async () => (await measure('rampart_collectors_waiting_bytes{collector="syslog_tcp"}')) > 200_000,
      'the bound is reached',
    )
    const late = await open()
    late.write('<13>late\n')
    // Each sender may have had one read in flight when the door was closed.
    expect(await measure('rampart_collectors_waiting_bytes{collector="syslog_tcp"}')).toBeLessThan(800_000)
    testLog.admit()
    await arrived(5001)
    const kept = await payloads()
    expect(kept.filter((text) => text === '<13>late').length).toBe(1)
    for (const socket of [...sockets, late]) socket.destroy()
  })

  it('closes the connection that was silent longest when there are too many', async () => {
    await start({ connectionsMax: 3 })
    const sockets = [await open(), await open(), await open()]
    // Each must have been accepted before the next step: its line tells.
    for (const [i, socket] of sockets.entries()) socket.write(`<13>${i}\n`)
    await arrived(3)
    sockets[0]?.write('<13>still here\n')
    await arrived(4)
    const gone = once(sockets[1] as Socket, 'close')
    const fourth = await open()
    await gone
    fourth.write('<13>fourth\n')
    sockets[0]?.write('<13>and still\n')
    await arrived(6)
    expect(await measure('rampart_collectors_connections{collector="syslog_tcp"}')).toBe(3)
    expect(
      await measure('rampart_collectors_connections_closed_total{collector="syslog_tcp",reason="connections"}'),
    ).toBe(1)
    for (const socket of [...sockets, fourth]) socket.destroy()
  })

  it('closes a connection that is silent for too long', async () => {
    await start({ idleMs: 30 })
    const socket = await open()
    await once(socket, 'close')
    expect(await measure('rampart_collectors_connections_closed_total{collector="syslog_tcp",reason="idle"}')).toBe(1)
  })

  it('bounds the memory of unfinished messages, and keeps what there was of them', async () => {
    await start({ partialBytesMax: 100_000 })
    const sockets: Socket[] = []
    for (let i = 0; i < 10; i++) {
      const socket = await open()
      socket.write(`<13>${i} ${'p'.repeat(20_000)}`)
      sockets.push(socket)
    }
    await until(
      async () =>
        (await measure('rampart_collectors_connections_closed_total{collector="syslog_tcp",reason="partialBytes"}')) >=
        7,
      'the oldest are closed',
    )
    expect(await measure('rampart_collectors_partial_bytes{collector="syslog_tcp"}')).toBeLessThanOrEqual(100_000)
    await arrived(7)
    for (const record of await testLog.readAll()) {
      expect(record.headers).toEqual({ partial: 'true' })
      expect(record.payload.length).toBe(20_006)
    }
    for (const socket of sockets) socket.destroy()
  })

  it('takes what has arrived when it is told to stop', async () => {
    const running = await start()
    const socket = await open()
    const lines = Array.from({ length: 5_000 }, (_, i) => `<13>line ${i}`)
    await new Promise((resolve) => socket.write(`${lines.join('\n')}\n<13>unfinished`, resolve))
    expect(await running.stop()).toEqual({ abandoned: 0 })
    expect(await payloads()).toEqual([...lines, '<13>unfinished'])
    await expect(open()).rejects.toThrow()
  })

  it('says how much it had to leave behind when the log takes nothing until the end', async () => {
    const running = await start({ drainMsMax: 200 })
    testLog.refuse(testError('test.log.full', 'the disk has no room'))
    const socket = await open()
    socket.write('<13>a\n<13>b\n')
    await until(() => testLog.appends() > 0, 'an append was tried')
    expect(await running.stop()).toEqual({ abandoned: 2 })
  })
})

describe('syslog over UDP', () => {
  const client = createSocket('udp4')
  const send = (text: string) =>
    new Promise<void>((resolve, reject) =>
      client.send(text, service?.udpPort ?? 0, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
    )

  it('takes a datagram as a message', async () => {
    await start()
    await send('<13>one\n<13>not two\n')
    await send('')
    await send('<13>two')
    await arrived(2)
    expect(await payloads()).toEqual(['<13>one\n<13>not two\n', '<13>two'])
    expect((await testLog.readAll())[0]?.source).toBe('syslog/udp 127.0.0.1')
  })

  it('drops and counts what it has no room for', async () => {
    await start({ udpWaitingBytesMax: 5_000 })
    testLog.hold()
    for (let i = 0; i < 20; i++) await send(`<13>${i} ${'u'.repeat(990)}`)
    const drops = 'rampart_collectors_dropped_total{collector="syslog_udp",reason="busy"}'
    await until(async () => (await measure(drops)) > 0, 'drops are counted')
    await until(
      async () =>
        (await measure(drops)) + (await measure('rampart_collectors_waiting_bytes{collector="syslog_udp"}')) / 1250 >
        19,
      'all have come',
    )
    testLog.admit()
    const dropped = await measure(drops)
    await arrived(20 - dropped)
    expect((await payloads()).length).toBe(20 - dropped)
  })

  it('takes what the kernel still holds when it is told to stop', async () => {
    const running = await start()
    for (let i = 0; i < 100; i++) await send(`<13>${i}`)
    await running.stop()
    expect((await payloads()).length).toBe(100)
  })
})

describe('starting', () => {
  it('listens only where it is told to', async () => {
    const running = await start({}, { tcpPort: undefined, udpPort: -1 })
    expect(running).toMatchObject({ tcpPort: undefined, udpPort: undefined })
  })

  it('names the port that is taken, and the setting to change', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const port = (other.address() as { port: number }).port
    const error = await start({}, { tcpPort: port }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(RampartError)
    expect(error).toMatchObject({ code: 'collect.syslog.cannotListen' })
    expect(String(error)).toContain(`tcp 127.0.0.1 port ${port} (EADDRINUSE)`)
    expect(String(error)).toContain('syslog.tcp_port')
    other.close()
  })
})
