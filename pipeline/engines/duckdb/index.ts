export type { StoreLimits } from './limits.ts'
export { type DuckDbStoreOptions, openDuckDbStore } from './store.ts'
