export type { StoreLimits } from './limits.ts'
export { openDuckDbStore } from './store.ts'
