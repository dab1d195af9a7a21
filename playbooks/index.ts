export { formatProblem } from './language/problem.ts'
export { playbookMigrations } from './migrations.ts'
export { lintPlaybook, testPlaybook } from './offline.ts'
export { createPlaybooks, type PlaybookRouteOptions, type Playbooks, type PlaybooksDeps } from './playbooks.ts'
