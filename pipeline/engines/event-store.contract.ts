import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EventScan, EventStore, ScanRequest } from '../index.ts'
import { type account, anEvent, appendRecords, aShard, column, found, search } from './contract-support.ts'

/** A store on a folder or cluster of its own. */
export interface OpenedStore {
  readonly store: EventStore
  /** Closes the store and opens it again on the same data. */
  reopen(): Promise<EventStore>
  remove(): Promise<void>
}

/** What every event store must do. */
export function eventStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`event store contract: ${name}`, () => {
    let opened: OpenedStore
    let store: EventStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.remove())

    describe('progress', () => {
      it('begins at zero for a shard that nobody has written', async () => {
        expect(await store.progress(aShard())).toEqual({ nextOffset: 0, detectorOffset: 0, detectorState: undefined })
      })

      it('moves with the events, also past records that made none', async () => {
        await store.append({ shard: aShard(), events: [anEvent(0), anEvent(2)], nextOffset: 5 })
        expect((await store.progress(aShard())).nextOffset).toBe(5)
        expect(await column(store, 'source=logs | fields _offset')).toEqual([0, 2])
      })

      it('keeps the detector state with the offset it is good for', async () => {
        await store.append({ shard: aShard(), events: [], nextOffset: 3, detectorState: new Uint8Array([1, 0, 255]) })
        await store.append({ shard: aShard(), events: [], nextOffset: 4 })
        const progress = await store.progress(aShard())
        expect(progress.nextOffset).toBe(4)
        expect(progress.detectorOffset).toBe(3)
        expect([...(progress.detectorState ?? [])]).toEqual([1, 0, 255])
      })

      it('survives closing, for each shard on its own', async () => {
        await appendRecords(store, [{ a: 1 }], aShard('logs', 0))
        await appendRecords(store, [{ a: 2 }, { a: 3 }], aShard('logs', 7))
        store = await opened.reopen()
        expect((await store.progress(aShard('logs', 0))).nextOffset).toBe(1)
        expect((await store.progress(aShard('logs', 7))).nextOffset).toBe(2)
        expect(await column(store, 'source=logs | stats count()')).toEqual([3])
      })

      it('skips events that it has already, in part or whole', async () => {
        const records = [{ a: 0 }, { a: 1 }, { a: 2 }]
        await appendRecords(store, records.slice(0, 2))
        await appendRecords(store, records)
        await appendRecords(store, records.slice(0, 1))
        expect(await column(store, 'source=logs | fields a')).toEqual([0, 1, 2])
        expect((await store.progress(aShard())).nextOffset).toBe(3)
      })
    })

    describe('fields', () => {
      it('has the members of records under their own names, nested ones joined by dots', async () => {
        await appendRecords(store, [{ Image: 'C:\\a.exe', EventID: 1, user: { name: 'bob', id: 7 } }])
        expect(await found(store, 'source=logs | fields Image, EventID, user.name, user.id')).toEqual([
          { Image: 'C:\\a.exe', EventID: 1, 'user.name': 'bob', 'user.id': 7 },
        ])
      })

      it('lets a record keep its name and calls the OCSF member ocsf.<name>', async () => {
        const event = anEvent(
          0,
          { severity: 'bad', plain: 1 },
          { ocsf: { severity: 'High', class_uid: 3002, src_endpoint: { ip: '10.0.0.1' } } },
        )
        await store.append({ shard: aShard(), events: [event], nextOffset: 1 })
        expect(await found(store, 'source=logs | fields severity, ocsf.severity, class_uid, src_endpoint.ip')).toEqual([
          { severity: 'bad', 'ocsf.severity': 'High', class_uid: 3002, 'src_endpoint.ip': '10.0.0.1' },
        ])
      })

      it('gives each event an id, its time, its raw record and why it could not be parsed', async () => {
        const event = anEvent(
          4,
          {},
          { raw: '{"broken', parseError: 'unexpected end', time: Date.UTC(2024, 0, 1, 0, 0, 0, 5) },
        )
        await store.append({ shard: aShard('logs', 2), events: [event], nextOffset: 5 })
        expect(await found(store, 'source=logs | fields _id, time, @timestamp, raw_data, parse_error')).toEqual([
          {
            _id: 'default/default/logs/2/4',
            time: '2024-01-01 00:00:00.005',
            '@timestamp': '2024-01-01 00:00:00.005',
            raw_data: '{"broken',
            parse_error: 'unexpected end',
          },
        ])
      })

      it('does not let a record pose as the platform', async () => {
        await appendRecords(store, [{ _id: 'forged', time: 'own', raw_data: 'own too' }])
        expect(await found(store, 'source=logs | fields _id, record._id, time, raw_data, _time')).toEqual([
          {
            _id: 'default/default/logs/0/0',
            'record._id': 'forged',
            time: 'own',
            raw_data: 'own too',
            _time: '2024-02-01 00:00:00',
          },
        ])
      })

      it('tells names apart by case and keeps hostile ones', async () => {
        const names = [
          'User',
          'user',
          'USER',
          'a"b',
          "a'b",
          'a`b',
          'x; DROP TABLE pipes',
          '__proto__',
          'constructor',
          'é💥',
          '',
          ' ',
          '\u0000',
        ]
        const record = JSON.parse(`{${names.map((name, i) => `${JSON.stringify(name)}:${i}`).join(',')}}`)
        await appendRecords(store, [record])
        for (const [i, name] of names.entries()) {
          const quoted = `\`${name.replaceAll('`', '``')}\``
          expect(await column(store, `source=logs | where ${quoted} = ${i} | fields ${quoted}`)).toEqual([i])
        }
      })

      it('shows every value when a field comes in several types', async () => {
        const values = [1, 2.5, 'three', true, '2024-02-01T09:10:00Z', ['a', 1], 4]
        await appendRecords(
          store,
          values.map((v) => ({ v })),
        )
        expect(await column(store, 'source=logs | fields v')).toEqual([
          '1',
          '2.5',
          'three',
          'true',
          '2024-02-01T09:10:00Z',
          '["a",1]',
          '4',
        ])
        expect(await column(store, "source=logs | where v = 'three' | fields v")).toEqual(['three'])
        expect(await column(store, 'source=logs | where v > 3 | fields v')).toEqual(['4'])
      })

      it('keeps whole numbers and fractions of a field numbers', async () => {
        await appendRecords(store, [{ v: 1 }, { v: 2.5 }, { v: -3 }])
        const { schema, rows } = await search(store, 'source=logs | sort v | fields v')
        expect(schema).toEqual([{ name: 'v', type: 'double' }])
        expect(rows).toEqual([[-3], [1], [2.5]])
      })

      it('reads texts that are surely instants as such, whatever their offset', async () => {
        await appendRecords(store, [{ at: '2024-02-01T09:10:00+02:00' }, { at: '2024-02-01T08:00:00.5Z' }])
        expect(await column(store, "source=logs | where at < '2024-02-01 07:30:00' | fields at")).toEqual([
          '2024-02-01 07:10:00',
        ])
      })

      it('gives declared types precedence, and what does not fit is still there', async () => {
        await store.declare(aShard(), { n: 'long', ip: 'ip', at: 'timestamp', later: 'double' })
        await appendRecords(store, [
          { n: '42', ip: '2001:DB8::0:1', at: 1706780400000 },
          { n: 'many', ip: 'none', at: 'x' },
        ])
        const { schema, rows } = await search(store, 'source=logs | fields n, ip, at, later, _rest')
        expect(schema.map(({ type }) => type)).toEqual(['long', 'ip', 'timestamp', 'double', 'struct'])
        expect(rows).toEqual([
          [42, '2001:db8::1', '2024-02-01 09:40:00', null, null],
          [null, null, null, null, { n: 'many', ip: 'none', at: 'x' }],
        ])
      })

      it('reassembles structs', async () => {
        await appendRecords(store, [{ city: { name: 'Seattle', at: { lat: 10.5 } } }, { city: { name: 'Rome' } }, {}])
        expect(await column(store, 'source=logs | fields city')).toEqual([
          { name: 'Seattle', at: { lat: 10.5 } },
          { name: 'Rome' },
          null,
        ])
      })
    })

    describe('search', () => {
      it('refuses a pipe that does not exist with 404 and names the nearest', async () => {
        await store.declare(aShard('security'), {})
        await expect(search(store, 'source=securty')).rejects.toMatchObject({
          code: 'pipeline.query.unknownPipe',
          status: 404,
          message: 'unknown pipe `securty`; did you mean `security`? (line 1, column 8)',
        })
      })

      it('finds a declared pipe that has no events', async () => {
        await store.declare(aShard('empty'), { a: 'long' })
        expect(await search(store, 'source=empty')).toMatchObject({ rows: [], scanned: 0 })
        expect(await column(store, 'source=empty | stats count()')).toEqual([0])
      })

      it('keeps accounts and workspaces apart', async () => {
        await appendRecords(store, [{ a: 1 }])
        for (const other of [{ workspace: 'other' }, { account: '000000000002' as typeof account }]) {
          await expect(search(store, 'source=logs', other)).rejects.toMatchObject({ status: 404 })
          await expect(search(store, 'source=*', other)).rejects.toMatchObject({ status: 404 })
        }
      })

      it('finds pipes of other dataspaces by their whole name', async () => {
        await appendRecords(store, [{ a: 1 }], { ...aShard(), dataspace: 'archive' })
        expect(await column(store, 'source=archive.logs | fields a')).toEqual([1])
        await expect(search(store, 'source=logs')).rejects.toMatchObject({ message: /archive\.logs|unknown pipe/ })
      })

      it('does not show a hidden pipe, whichever way it is named', async () => {
        await appendRecords(store, [{ a: 1 }])
        await appendRecords(store, [{ a: 2 }], aShard('audit'))
        await appendRecords(store, [{ a: 3 }], { ...aShard('audit'), dataspace: 'archive' })
        const more = { hidden: [{ dataspace: 'default', pipe: 'audit' }] }
        for (const name of ['audit', 'default.audit', 'aud*', 'default.a*']) {
          const error = await search(store, `source=${name}`, more).catch((caught: unknown) => caught)
          expect(error).toMatchObject({ code: 'pipeline.query.unknownPipe', status: 404 })
          expect((error as Error).message).not.toContain('did you mean `audit`')
        }
        for (const [sources, seen] of [
          ['*', [1]],
          ['default.*', [1]],
          ['*.*', [1, 3]],
          ['logs', [1]],
        ] as const) {
          expect(await column(store, `source=${sources} | fields a`, more)).toEqual(seen)
        }
        expect(await column(store, 'source=audit | fields a')).toEqual([2])
        await expect(search(store, 'source=logs, audit', more)).rejects.toMatchObject({ status: 404 })
      })

      it('takes from as inclusive and to as exclusive, on event time', async () => {
        await appendRecords(store, [{ a: 0 }, { a: 1 }, { a: 2 }, { a: 3 }])
        const at = (offset: number) => anEvent(offset).time
        const answer = await search(store, 'source=logs | fields a', { from: at(1), to: at(3) })
        expect(answer.rows).toEqual([[1], [2]])
        expect(answer.scanned).toBe(2)
      })

      it('gives rows in the order of arrival, over shards and pipes, also when the clock stepped back', async () => {
        const at = Date.UTC(2024, 5, 1)
        const receive = (offset: number, second: number) =>
          anEvent(offset, { n: `${offset}@${second}` }, { receivedAt: at + second * 1000 })
        await store.append({ shard: aShard('logs', 1), events: [receive(0, 5), receive(1, 1)], nextOffset: 2 })
        await store.append({ shard: aShard('logs', 0), events: [receive(0, 2), receive(1, 9)], nextOffset: 2 })
        await store.append({ shard: aShard('more', 0), events: [receive(0, 4)], nextOffset: 1 })
        expect(await column(store, 'source=logs, more | fields n')).toEqual(['0@2', '0@4', '0@5', '1@1', '1@9'])
      })

      it('treats a field that no event has as null', async () => {
        await appendRecords(store, [{ a: 1 }])
        expect(await found(store, 'source=logs | where nowhere = 1')).toEqual([])
        expect(await found(store, 'source=logs | where isnull(nowhere) | fields a, nowhere')).toEqual([
          { a: 1, nowhere: null },
        ])
      })

      it('refuses a field that the command before does not give, naming the nearest', async () => {
        await appendRecords(store, [{ a: 1 }])
        await expect(search(store, 'source=logs\n| stats count() as total\n| where totl > 1')).rejects.toMatchObject({
          code: 'pipeline.query.unknownField',
          status: 422,
          message: /unknown field `totl`.*did you mean `total`\? \(line 3, column 9\)/,
        })
      })
    })

    describe('cursor', () => {
      const pages = async (query: string, limit: number, between: () => Promise<void> = async () => undefined) => {
        const rows: unknown[] = []
        let cursor: string | undefined
        do {
          const page = await search(store, query, { limit, ...(cursor === undefined ? {} : { cursor }) })
          rows.push(...page.rows.map((row) => row[0]))
          cursor = page.cursor
          await between()
        } while (cursor !== undefined)
        return rows
      }

      it.each([
        ['of events', 'source=logs | where n >= 0 | fields n'],
        ['of sorted rows', 'source=logs | sort n | fields n'],
        ['of groups', 'source=logs | stats count() by n | fields n'],
      ])('walks all rows once, %s, while events arrive', async (_, query) => {
        const all = Array.from({ length: 23 }, (_unused, n) => n)
        await appendRecords(
          store,
          all.map((n) => ({ n })),
        )
        let next = all.length
        const between = async () => {
          await appendRecords(store, [{ n: -1 - next }, { n: next }], aShard(), next)
          await appendRecords(store, [{ n: 0 }], aShard('logs', next))
          next += 2
        }
        expect(await pages(query, 5, between)).toEqual(all)
      })

      it('ends without a cursor when the last page is full', async () => {
        await appendRecords(store, [{ n: 1 }, { n: 2 }])
        expect((await search(store, 'source=logs', { limit: 2 })).cursor).toBeUndefined()
      })

      it('is refused for another query, and when it is made up', async () => {
        await appendRecords(store, [{ n: 1 }, { n: 2 }])
        const { cursor = '' } = await search(store, 'source=logs', { limit: 1 })
        const refusal = { code: 'pipeline.query.badCursor', status: 422 }
        await expect(search(store, 'source=logs | fields n', { cursor })).rejects.toMatchObject(refusal)
        for (const forged of ['', 'x', Buffer.from('[1,2]').toString('base64url'), 'A'.repeat(20_000)]) {
          await expect(search(store, 'source=logs', { cursor: forged })).rejects.toMatchObject(refusal)
        }
      })

      it('of counted rows ends when events are dropped', async () => {
        await appendRecords(store, [{ n: 1 }, { n: 2 }, { n: 3 }])
        const { cursor = '' } = await search(store, 'source=logs | sort n', { limit: 1 })
        await store.dropBefore(aShard(), anEvent(1).time)
        await expect(search(store, 'source=logs | sort n', { limit: 1, cursor })).rejects.toMatchObject({ status: 409 })
      })
    })

    describe('scan', () => {
      const everything = { account: aShard().account, workspace: 'default', from: 0, to: 8e15 }
      const readAll = async (request: Partial<ScanRequest> = {}) => {
        const scan = await store.scan({ ...everything, ...request })
        const read: string[] = []
        for (let batch = await scan.next(); batch; batch = await scan.next()) {
          const { dataspace, pipe, shard } = batch.shard
          for (const { offset } of batch.records) read.push(`${dataspace}/${pipe}/${shard}/${offset}`)
        }
        await scan.close()
        expect(read).toHaveLength(scan.eventCount)
        return read
      }

      it('gives records back as they came, with what was known of them', async () => {
        const form = {
          source: 'syslog/udp 10.0.0.9',
          format: 'csv',
          headers: { columns: 'a,b', delimiter: ';' },
        } as const
        const first = anEvent(0, { a: '1' }, { raw: 'é;2', form, receivedAt: 1_700_000_000_123 })
        await store.append({ shard: aShard(), events: [first, anEvent(3, { n: 1 })], nextOffset: 4 })
        store = await opened.reopen()
        const scan = await store.scan(everything)
        const batch = await scan.next()
        expect(batch?.shard).toEqual(aShard())
        expect(batch?.records).toEqual([
          { offset: 0, receivedAt: 1_700_000_000_123, ...form, payload: Buffer.from('é;2') },
          // Stored without: its record has to speak for itself.
          {
            offset: 3,
            receivedAt: anEvent(3).receivedAt,
            source: '',
            format: 'auto',
            headers: {},
            payload: Buffer.from('{"n":1}'),
          },
        ])
        expect(await scan.next()).toBeUndefined()
        await scan.close()
      })

      it('reads shard after shard, within the bounds of event time and of what may be seen', async () => {
        await appendRecords(store, [{ n: 0 }, { n: 1 }, { n: 2 }], aShard('logs', 1))
        await appendRecords(store, [{ n: 0 }, { n: 1 }], aShard('logs', 0))
        await appendRecords(store, [{ n: 0 }], aShard('audit'))
        const logs = [
          'default/logs/0/0',
          'default/logs/0/1',
          'default/logs/1/0',
          'default/logs/1/1',
          'default/logs/1/2',
        ]
        expect(await readAll()).toEqual(['default/audit/0/0', ...logs])
        expect(await readAll({ hidden: [{ dataspace: 'default', pipe: 'audit' }] })).toEqual(logs)
        expect(await readAll({ pipes: [{ dataspace: 'default', pipe: 'audit' }] })).toEqual(['default/audit/0/0'])
        expect(await readAll({ from: anEvent(1).time, to: anEvent(2).time })).toEqual([
          'default/logs/0/1',
          'default/logs/1/1',
        ])
        expect(await readAll({ workspace: 'other' })).toEqual([])
      })

      it('leaves out what arrives meanwhile, and holds nobody up', async () => {
        const records = Array.from({ length: 5_000 }, (_, n) => ({ n }))
        await appendRecords(store, records)
        const scan = await store.scan(everything)
        const first = await scan.next()
        await appendRecords(store, [{ n: 5_000 }], aShard(), 5_000)
        await store.dropBefore(aShard('unknown'), 0)
        let last = first
        for (let batch = await scan.next(); batch; batch = await scan.next()) last = batch
        expect(first?.records.length).toBeLessThan(5_000)
        expect(last?.records.at(-1)?.offset).toBe(4_999)
        await scan.close()
      })

      it('ends when it is closed, and is refused when too many are open', async () => {
        await appendRecords(store, [{ n: 0 }])
        const open = []
        for (;;) {
          const scan = await store.scan(everything).catch((error: unknown) => error)
          if (scan instanceof Error) {
            expect(scan).toMatchObject({ code: 'pipeline.scan.busy', status: 429 })
            break
          }
          open.push(scan as EventScan)
        }
        const [one, ...others] = open
        await one?.close()
        await expect(one?.next()).rejects.toMatchObject({ code: 'pipeline.scan.closed' })
        expect(await readAll()).toEqual(['default/logs/0/0'])
        // Left open: closing the store ends them.
        expect(others.length).toBeGreaterThan(0)
      })

      it('shows nothing of it in searches that do not ask', async () => {
        const form = { source: 'here', format: 'json', headers: {} } as const
        await store.append({ shard: aShard(), events: [anEvent(0, { _form: 'own' }, { form })], nextOffset: 1 })
        const [row] = await found(store, 'source=logs')
        expect(row).not.toHaveProperty('_form')
        expect(row).toMatchObject({ 'record._form': 'own' })
      })
    })

    describe('dropBefore', () => {
      it('drops what is older, by event time, and says how much', async () => {
        await appendRecords(store, [{ n: 0 }, { n: 1 }, { n: 2 }])
        expect(await store.dropBefore(aShard(), anEvent(2).time)).toBe(2)
        expect(await store.dropBefore(aShard('unknown'), anEvent(2).time)).toBe(0)
        expect(await column(store, 'source=logs | fields n')).toEqual([2])
        expect((await store.progress(aShard())).nextOffset).toBe(3)
      })
    })

    it('refuses everything once closed', async () => {
      await store.close()
      await expect(search(store, 'source=logs')).rejects.toMatchObject({ code: 'pipeline.store.closed', status: 503 })
      await expect(appendRecords(store, [{}])).rejects.toMatchObject({ code: 'pipeline.store.closed' })
    })
  })
}
