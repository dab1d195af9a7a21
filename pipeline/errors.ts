import { defineErrors } from '../platform/index.ts'

export const searchError = defineErrors({
  'pipeline.search.badTime': { status: 422, title: 'Not an instant' },
})
