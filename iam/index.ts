export { type BootstrapResult, createIam, type Iam, type IamDeps } from './iam.ts'
export { iamMigrations } from './migrations.ts'
