export { checkQuery } from './check-query.ts'
export { compileFilter } from './filter.ts'
export { canonicalIp } from './ip.ts'
export { queryLimits } from './limits.ts'
export type {
  Aggregate,
  CheckedQuery,
  Column as PlanColumn,
  Plan,
  ScanPlan,
  SortKey,
  SourceCatalogue,
  SourcePipe,
  Typed,
} from './plan.ts'
export type { Primitive } from './primitives.ts'
export { matchesPattern } from './relation.ts'
export { formatTimestamp, isTimestampText, parseTimestamp } from './time.ts'
export { quoteName, quoteString } from './tokens.ts'
export { commonType, isWhole, parseFieldType, type ValueType } from './types.ts'
