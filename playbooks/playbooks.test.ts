import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testDatabases } from '../test/support/databases.ts'
import { sendJson } from './testing/far-side.ts'
import { openWorkbench, type Workbench } from './testing/workbench.ts'

const head = (id: string) => `playbook: 1
id: ${id}
name: Test
run_as: role/playbook-runner
permissions: [http.request]
`

describe.each(testDatabases())('runs on $name', (kind) => {
  let bench: Workbench
  beforeEach(async () => {
    bench = await openWorkbench(kind)
    await bench.playbooks.start()
  })
  afterEach(() => bench.close())

  it('does the steps in order and gives outputs', async () => {
    bench.far.answer = (request, response) => sendJson(response, 201, { echo: JSON.parse(request.body) })
    await bench.put(`${head('ordered')}inputs:
  ip: {type: ip, required: true}
steps:
  - id: block
    action: http.request
    with: {method: POST, url: 'http://${bench.far.address}/block', body: {ip: '\${{ inputs.ip }}', run: '\${{ run.id }}'}}
  - id: result
    set: {status: '\${{ steps.block.output.status }}', ip: '\${{ steps.block.output.body.echo.ip }}'}
  - id: pause
    wait: {for: 20ms}
  - id: again
    if: steps.result.output.status == 500
    action: http.request
    with: {method: GET, url: 'http://${bench.far.address}/never'}
outputs:
  ip: {type: ip, value: steps.result.output.ip}
`)
    const runId = await bench.start('ordered', { ip: '192.0.2.1' })
    const run = await bench.until(runId)
    expect(run).toMatchObject({ status: 'succeeded', outputs: { ip: '192.0.2.1' } })
    expect(run.steps.map((step) => [step.id, step.status, step.attempts])).toEqual([
      ['block', 'succeeded', 1],
      ['result', 'succeeded', 0],
      ['pause', 'succeeded', 0],
      ['again', 'skipped', 0],
    ])
    expect(bench.far.received).toMatchObject([{ method: 'POST', path: '/block', key: `${runId}/block/0` }])
  })
})
