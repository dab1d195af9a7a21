import type { Client } from '../client.ts'

export interface SeenAlert {
  readonly id: string
  readonly ruleId: string
  readonly title: string
  readonly severity: string
  readonly count: number
  readonly state: string
  readonly entities: Readonly<Record<string, readonly string[]>>
  readonly techniques: readonly string[]
}

export interface SeenRun {
  readonly runId: string
  readonly playbookId: string
  readonly status: string
  readonly steps: readonly { readonly id: string; readonly status: string; readonly attempts: number }[]
}

/** What changed since the last look. */
export interface Sighting {
  readonly alerts: readonly SeenAlert[]
  readonly steps: readonly { readonly run: SeenRun; readonly id: string; readonly status: string }[]
  readonly finished: readonly SeenRun[]
  /** Events processed since the service started. */
  readonly eventCount: number
}

/** What a console would show of a running service, by the same API. */
export interface Watch {
  look(): Promise<Sighting>
  readonly alerts: ReadonlyMap<string, SeenAlert>
  readonly runs: ReadonlyMap<string, SeenRun>
}

const terminal = ['succeeded', 'failed', 'cancelled', 'compensated']

export function createWatch(client: Client, playbookIds: readonly string[]): Watch {
  const base = `/v1/workspaces/${client.workspace}`
  const alerts = new Map<string, SeenAlert>()
  const runs = new Map<string, SeenRun>()
  const stepStates = new Map<string, string>()

  const lookAtAlerts = async (): Promise<SeenAlert[]> => {
    const page = await client.call<{ items: SeenAlert[] }>(`${base}/alerts?limit=100`)
    const raised = page.items.filter((alert) => !alerts.has(alert.id)).reverse()
    for (const alert of page.items) alerts.set(alert.id, alert)
    return raised
  }

  const lookAtRuns = async (): Promise<Pick<Sighting, 'steps' | 'finished'>> => {
    const steps: { run: SeenRun; id: string; status: string }[] = []
    const finished: SeenRun[] = []
    for (const playbookId of playbookIds) {
      const page = await client.call<{ items: { runId: string }[] }>(`${base}/playbooks/${playbookId}/runs?limit=20`)
      for (const { runId } of page.items) {
        const before = runs.get(runId)
        if (before && terminal.includes(before.status)) continue
        const run = { ...(await client.call<SeenRun>(`${base}/playbooks/${playbookId}/runs/${runId}`)), playbookId }
        runs.set(runId, run)
        for (const step of run.steps) {
          const key = `${runId}/${step.id}`
          if (stepStates.get(key) === step.status) continue
          stepStates.set(key, step.status)
          steps.push({ run, id: step.id, status: step.status })
        }
        if (terminal.includes(run.status)) finished.push(run)
      }
    }
    return { steps, finished }
  }

  return {
    alerts,
    runs,
    async look() {
      const [raised, moved, eventCount] = await Promise.all([lookAtAlerts(), lookAtRuns(), countEvents(client)])
      return { alerts: raised, ...moved, eventCount }
    },
  }
}

async function countEvents(client: Client): Promise<number> {
  const metrics = await client.call<string>('/metrics')
  let total = 0
  for (const line of metrics.split('\n')) {
    if (line.startsWith('rampart_processed_events_total')) total += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return total
}
