import { describe, expect, it } from 'vitest'
import { countDrops } from './udp-drops.ts'

describe('datagrams that the kernel dropped', () => {
  it('are those of the sockets of a port', () => {
    const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  321: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000000000000 17
  322: 00000000:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12346 2 0000000000000000 3
  400: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12347 2 0000000000000000 99
`
    expect(countDrops(table, 5514)).toBe(20)
    expect(countDrops(table, 53)).toBe(99)
    expect(countDrops(table, 1)).toBe(0)
    expect(countDrops('', 53)).toBe(0)
  })
})
