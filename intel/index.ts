export { scoreAt } from './decay.ts'

export { indicatorId } from './indicator-id.ts'
export { createIndicators, type Indicators, type IndicatorsDeps } from './indicators.ts'
export { type Hit, IndicatorIndex, type IntelChange } from './match/indicator-index.ts'
export { intelMigrations } from './migrations.ts'
export { type IntelRouteDeps, indicatorRoutes } from './routes.ts'
export type { Sighting } from './store.ts'
export { type ExactType, type Indicator, type LiveOpinion, type Place, tlps } from './types.ts'
