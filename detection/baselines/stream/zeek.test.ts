import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sharedData } from '../../../test/support/requirements.ts'
import { judgeZeek } from '../testing/zeek.ts'

const zeek = sharedData('zeek')

describe.skipIf(!zeek)('real command and control in two days of Zeek logs (needs ../shared/data/zeek)', () => {
  const judge = (day: string) => judgeZeek(join(zeek ?? '', `${day}.ndjson.zst`))

  it.each([
    ['apt29-day1', ['10.0.1.6 192.168.0.4:8443', '10.0.1.4 192.168.0.5:443', '10.0.1.4 192.168.0.4:80']],
    ['apt29-day2', ['10.0.1.5 192.168.0.4:443']],
  ])('%s: the rarest clients are the channels, with nothing before them', (day, channels) => {
    const ranking = judge(day).rankings.find(({ detector }) => detector === 'rare-client')
    expect(ranking?.pairs.slice(0, channels.length)).toEqual(channels)
    expect(ranking?.falseBefore).toBe(0)
  })

  it('lists the channel of the second day as the likeliest beacon, and of all states nothing else', () => {
    const { rankings, stated } = judge('apt29-day2')
    expect(rankings.find(({ detector }) => detector === 'beacon')?.pairs[0]).toBe('10.0.1.5 192.168.0.4:443')
    expect(stated.map(({ detector, entity }) => [detector, entity])).toEqual([['beacon', '10.0.1.5 192.168.0.4:443']])
  })

  it('finds no beacon in the first day, whose channel is driven by hand for four minutes, and states nothing ordinary', () => {
    const { rankings, stated } = judge('apt29-day1')
    expect(stated).toEqual([])
    expect(rankings.find(({ detector }) => detector === 'beacon')?.channels).toEqual([
      { pair: '10.0.1.4 192.168.0.4:80', rank: 7 },
    ])
  })
})
