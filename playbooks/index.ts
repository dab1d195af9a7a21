export { playbookMigrations } from './migrations.ts'
export { createPlaybooks, type PlaybookRouteOptions, type Playbooks, type PlaybooksDeps } from './playbooks.ts'
export type { RunAs, StepChange, UpdateAlert } from './types.ts'
