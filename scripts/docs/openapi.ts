import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { startService } from '../../main.ts'
import { createLog, createStop, loadConfig, systemClock } from '../../platform/index.ts'

/** `/openapi.json` as a service on an empty data folder gives it. */
export async function openapiText(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'rampart-openapi-'))
  const log = createLog({ clock: systemClock, stream: new PassThrough(), level: 'silent' })
  const stop = createStop({ log })
  try {
    const { config } = loadConfig({
      env: {},
      overrides: { data_dir: dataDir, 'http.port': 0, 'syslog.tcp_port': -1, 'syslog.udp_port': -1 },
    })
    const { api } = await startService(config, { clock: systemClock, log, stop })
    const answer = await api.inject({ method: 'GET', url: '/openapi.json' })
    if (answer.statusCode !== 200) throw new Error(`/openapi.json answers ${answer.statusCode}: ${answer.body}`)
    return `${JSON.stringify(answer.json(), null, 2)}\n`
  } finally {
    stop.request('the description is read')
    await stop.stopped
    rmSync(dataDir, { recursive: true, force: true })
  }
}
