import { defineErrors } from '../platform/index.ts'

export const detectionError = defineErrors({
  'detection.state.unreadable': { status: 500, title: 'State of detection unreadable' },
})
