import { defineErrors } from '../base/errors.ts'

export const configError = defineErrors({
  'platform.config.unreadable': { status: 500, title: 'Configuration file cannot be read' },
  'platform.config.invalid': { status: 422, title: 'Configuration is not valid' },
})
