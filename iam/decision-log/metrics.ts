import { defineMetrics } from '../../platform/index.ts'

export const decisionMetrics = defineMetrics({
  lost: {
    kind: 'counter',
    name: 'rampart_iam_decisions_lost_total',
    help: 'Refusals that the decision log could not keep.',
  },
  usesLost: {
    kind: 'counter',
    name: 'rampart_iam_uses_lost_total',
    help: 'Allowed requests that were not counted as uses of their statements.',
  },
})
