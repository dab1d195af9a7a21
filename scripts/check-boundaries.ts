// Checks the arrows between folders, the homes of packages and the banned words: `npm run check:boundaries`.
import { fileURLToPath } from 'node:url'
import { judge } from './boundaries/judge.ts'
import { readCode } from './boundaries/modules.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const code = await readCode(root)
const problems = judge(code, root)
for (const problem of problems) console.error(problem)
const summary = `boundaries: ${code.seen.size} of ${code.files.length} files, ${code.imports.length} imports`
console.error(`${summary}, ${problems.length === 0 ? 'all in order' : `${problems.length} against the rules`}`)
process.exitCode = problems.length === 0 ? 0 : 1
