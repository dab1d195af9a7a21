export { type BootstrapResult, createIam, type Iam, type IamDeps } from './iam.ts'
export { iamMigrations } from './migrations.ts'
export { iamRoutes } from './routes.ts'
