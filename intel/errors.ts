import { defineErrors } from '../platform/index.ts'

export const intelError = defineErrors({
  'intel.indicator.notFound': { status: 404, title: 'No such indicator' },
  'intel.indicator.refused': { status: 422, title: 'Not an indicator' },
  'intel.indicator.otherId': { status: 422, title: 'The indicator has another id than its path' },
  'intel.indicator.tooMany': { status: 409, title: 'Too many indicators' },
})
