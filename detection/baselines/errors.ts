import { defineErrors } from '../../platform/index.ts'

export const baselineError = defineErrors({
  'detection.baseline.stateUnreadable': { status: 500, title: 'State of a baseline unreadable' },
  'detection.baseline.seriesUnreadable': { status: 400, title: 'Not a series of timestamp and value' },
  'detection.baseline.unknownModel': { status: 400, title: 'No such model' },
})
