import { defineMetrics } from '../platform/index.ts'

/** What playbooks count. */
export const playbookMetrics = defineMetrics({
  runsEnded: {
    kind: 'counter',
    name: 'rampart_playbooks_runs_ended_total',
    help: 'Runs that ended in this process, by how.',
    labels: ['status'],
  },
  runsOpen: {
    kind: 'gauge',
    name: 'rampart_playbooks_runs_open',
    help: 'Runs that have not ended, by where they stand.',
    labels: ['status'],
  },
  attempts: {
    kind: 'counter',
    name: 'rampart_playbooks_attempts_total',
    help: 'Attempts of actions that ended in this process, by outcome: ok, or the code of the failure.',
    labels: ['action', 'outcome'],
  },
  attemptsLost: {
    kind: 'counter',
    name: 'rampart_playbooks_attempts_lost_total',
    help: 'Attempts whose process died or lost its lease; each is made again under the same key.',
  },
  resultsLate: {
    kind: 'counter',
    name: 'rampart_playbooks_results_late_total',
    help: 'Results that came after their lease was lost and were dropped.',
  },
  commitsFenced: {
    kind: 'counter',
    name: 'rampart_playbooks_commits_fenced_total',
    help: 'Looks at a run that were void because another process had it.',
  },
  runsStuck: {
    kind: 'counter',
    name: 'rampart_playbooks_runs_stuck_total',
    help: 'Runs that nothing could wake and that the sweeper woke.',
  },
  evaluationsKilled: {
    kind: 'counter',
    name: 'rampart_playbooks_evaluations_killed_total',
    help: 'Evaluations that were ended because they took too much time or memory.',
  },
})
