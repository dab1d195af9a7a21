import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openDuckDbStore } from '../../pipeline/engines/duckdb/store.ts'
import type { Event, StoredRecord } from '../../pipeline/index.ts'
import { parseAccountId, systemClock } from '../../platform/index.ts'
import { createParser } from './parser.ts'

const receivedAt = Date.UTC(2026, 4, 1, 10)
const shard = {
  account: parseAccountId('000000000001'),
  workspace: 'default',
  dataspace: 'default',
  pipe: 'logs',
  shard: 0,
}

it('what the event store scans parses to the event that was stored', async () => {
  const records = (
    [
      ['syslog', 'syslog/udp 10.0.0.9', {}, '<13>May  1 09:59:58 h app[7]: Failed password for root from 198.51.100.7'],
      ['csv', 'arn:x', { columns: 'Image,User', delimiter: ',' }, '"C:\\a.exe","ann"'],
      ['json', 'arn:x', {}, '{"Channel":"Security","EventID":4625,"TargetUserName":"ünï"}'],
      ['json', 'arn:x', { cut: 'true' }, '{"broken'],
      ['auto', '', {}, '198.51.100.7 - - [01/May/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 5'],
      ['text', 'arn:x', {}, 'words'],
    ] as const
  ).map(
    ([format, source, headers, text], offset): StoredRecord => ({
      offset,
      receivedAt: receivedAt + offset,
      format,
      source,
      headers,
      payload: Buffer.from(text),
    }),
  )
  const { parse } = createParser()
  const events = records.map(parse)
  const dir = mkdtempSync(join(tmpdir(), 'rampart-reparse-'))
  const store = await openDuckDbStore({ dir, clock: systemClock })
  try {
    await store.append({ shard, events, nextOffset: records.length })
    const scan = await store.scan({ ...shard, from: 0, to: 8e15 })
    const again: Event[] = []
    for (let batch = await scan.next(); batch; batch = await scan.next()) again.push(...batch.records.map(parse))
    await scan.close()
    expect(again).toEqual(events)
  } finally {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  }
})
