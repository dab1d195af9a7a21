export { createParser } from './parse/parser.ts'
