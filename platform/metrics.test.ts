import { describe, expect, it } from 'vitest'
import { createMetrics, defineMetrics, listMetrics } from './metrics.ts'

const table = defineMetrics({
  done: {
    kind: 'counter',
    name: 'rampart_test_done_total',
    help: 'Things done.',
    labels: ['outcome', 'kind'],
    seriesMax: 3,
  },
  plain: { kind: 'counter', name: 'rampart_test_plain_total', help: 'Plain things.' },
  waiting: { kind: 'gauge', name: 'rampart_test_waiting', help: 'Things waiting.' },
  delay: {
    kind: 'histogram',
    name: 'rampart_test_delay_seconds',
    help: 'How long.',
    labels: ['kind'],
    buckets: [0.1, 1],
  },
})

const linesOf = async (metrics: ReturnType<typeof createMetrics>) =>
  (await metrics.scrape()).text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

describe('metrics', () => {
  it('are told in the text form of Prometheus', async () => {
    const metrics = createMetrics()
    const { done, plain, waiting, delay } = metrics.use(table)
    done.add({ outcome: 'ok', kind: 'a' })
    done.add({ outcome: 'ok', kind: 'a' }, 4)
    plain.add({})
    waiting.set({}, 7)
    delay.observe({ kind: 'a' }, 0.5)
    expect(await linesOf(metrics)).toEqual([
      'rampart_test_done_total{outcome="ok",kind="a"} 5',
      'rampart_test_plain_total 1',
      'rampart_test_waiting 7',
      'rampart_test_delay_seconds_bucket{le="0.1",kind="a"} 0',
      'rampart_test_delay_seconds_bucket{le="1",kind="a"} 1',
      'rampart_test_delay_seconds_bucket{le="+Inf",kind="a"} 1',
      'rampart_test_delay_seconds_sum{kind="a"} 0.5',
      'rampart_test_delay_seconds_count{kind="a"} 1',
    ])
    expect((await metrics.scrape()).contentType).toMatch(/^text\/plain; version=0\.0\.4/)
  })

  it('of one table are the same series wherever they are used', async () => {
    const metrics = createMetrics()
    metrics.use(table).plain.add({})
    metrics.use(table).plain.add({})
    expect(await linesOf(metrics)).toContain('rampart_test_plain_total 2')
  })

  it('of two processes in one are apart', async () => {
    const [one, two] = [createMetrics(), createMetrics()]
    one.use(table).plain.add({})
    two.use(table)
    expect(await linesOf(two)).toContain('rampart_test_plain_total 0')
  })

  it('keep the number of series bounded, losing no count', async () => {
    const metrics = createMetrics()
    const { done } = metrics.use(table)
    for (let index = 0; index < 1000; index++) done.add({ outcome: 'ok', kind: `k${index}` })
    done.add({ outcome: 'ok', kind: 'k1' })
    const lines = (await linesOf(metrics)).filter((line) => line.startsWith('rampart_test_done'))
    expect(lines).toEqual([
      'rampart_test_done_total{outcome="ok",kind="k0"} 1',
      'rampart_test_done_total{outcome="ok",kind="k1"} 2',
      'rampart_test_done_total{outcome="ok",kind="k2"} 1',
      'rampart_test_done_total{outcome="other",kind="other"} 997',
    ])
  })

  it('are read at the time of the scrape where asked to be', async () => {
    const metrics = createMetrics()
    const { waiting } = metrics.use(table)
    let queue = 0
    metrics.beforeScrape(() => waiting.set({}, queue))
    queue = 3
    expect(await linesOf(metrics)).toContain('rampart_test_waiting 3')
  })

  it('of the runtime come when asked for', async () => {
    expect((await createMetrics({ runtime: true }).scrape()).text).toContain('process_resident_memory_bytes')
    expect((await createMetrics().scrape()).text).not.toContain('process_')
  })
})

describe('definitions', () => {
  it('are listed for the documentation', () => {
    expect(listMetrics().map(({ name }) => name)).toContain('rampart_test_delay_seconds')
  })

  it.each([
    [{ kind: 'counter', name: 'rampart_x', help: 'X.' }],
    [{ kind: 'gauge', name: 'rampart_x_total', help: 'X.' }],
    [{ kind: 'gauge', name: 'x', help: 'X.' }],
    [{ kind: 'gauge', name: 'rampart_x', help: 'no sentence' }],
    [{ kind: 'gauge', name: 'rampart_x', help: 'X.', labels: ['Bad-Label'] }],
    [{ kind: 'gauge', name: 'rampart_test_waiting', help: 'Twice.' }],
  ] as const)('%j is a bug', (definition) => {
    expect(() => defineMetrics({ x: definition })).toThrow(/assertion failed: metric/)
  })
})
