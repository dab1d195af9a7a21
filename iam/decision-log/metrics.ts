import { defineMetrics } from '../../platform/index.ts'

export const decisionMetrics = defineMetrics({
  lost: {
    kind: 'counter',
    name: 'rampart_iam_decisions_lost_total',
    help: 'Refusals that the decision log could not keep.',
  },
})
