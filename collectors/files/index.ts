export { createLogFiles } from './log-files.ts'
