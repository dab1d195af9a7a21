import ts from 'typescript'
import { type Code, type Import, readSource } from './modules.ts'
import { bannedWords, doors, exceptions, mayImport, packageHomes, roots, tests, tools } from './rules.ts'

const matches = (patterns: readonly RegExp[], file: string): boolean => patterns.some((pattern) => pattern.test(file))
const isTest = (file: string): boolean => matches(tests, file)
const isTool = (file: string): boolean => matches(tools, file)
const isRoot = (file: string): boolean => matches(roots, file)
const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '')

/** Everything that breaks a rule, each said in one line that begins with the file. Reads the files below `root` again
 * for the banned words. */
export function judge(code: Code, root: string): string[] {
  return [
    ...unseen(code),
    ...code.dangling.map(({ from, specifier }) => `${from}: \`${specifier}\` leads to no file`),
    ...homeless(code),
    ...code.imports.flatMap((each) => {
      const problem = each.kind === 'file' ? arrowProblem(each) : packageProblem(each)
      return problem === undefined ? [] : [`${each.from}: ${problem}`]
    }),
    ...cycles(code),
    ...heavyDoors(code),
    ...words(code, root),
  ]
}

/** A check that reads nothing finds nothing wrong. */
function unseen({ files, seen }: Code): string[] {
  if (files.length === 0) return ['no .ts file was found']
  return files.filter((file) => !seen.has(file)).map((file) => `${file}: was not read for imports`)
}

function homeless({ files }: Code): string[] {
  return files
    .filter((file) => !isRoot(file) && !isTool(file) && !isTest(file) && mayImport[folderOf(file)] === undefined)
    .map((file) => `${file}: its folder has no row in scripts/boundaries/rules.ts`)
}

function arrowProblem({ from, to }: Import): string | undefined {
  if (isTest(from)) return undefined
  if (isTest(to) && !isTool(from)) return `may not import \`${to}\`, which is no part of the service`
  const [mine, theirs] = [folderOf(from), folderOf(to)]
  if (mine === theirs) return undefined
  if (isTool(to) && !isTool(from)) return `may not import \`${to}\`, which is no part of the service`
  if (isRoot(to)) return isRoot(from) || isTool(from) ? undefined : `may not import the composition root \`${to}\``
  if (!isRoot(from) && !isTool(from) && !mayImport[mine]?.includes(theirs)) {
    const allowed = mayImport[mine]?.join(', ') || 'no other folder'
    return `${mine}/ may import ${allowed}, not ${theirs}/; declare a port in ${mine}/ and let main.ts pass it in`
  }
  if (!isTool(to) && to !== `${theirs}/index.ts` && !doors.includes(to))
    return `may import ${theirs}/ through ${theirs}/index.ts only, not \`${to}\``
  return undefined
}

function packageProblem({ from, to }: Import): string | undefined {
  if (isTest(from)) return undefined
  const rule = packageHomes.find(({ packages }) => packages.includes(to))
  if (!rule || matches(rule.homes, from)) return undefined
  return `may not import \`${to}\`: ${rule.instead}`
}

/** What is needed behind a door that is to be light, and brings a whole folder in by its index.ts. */
function heavyDoors({ imports }: Code): string[] {
  const problems = new Set<string>()
  const next = importsOf(imports.filter(({ typeOnly }) => !typeOnly))
  for (const door of doors) {
    const seen = new Set<string>()
    const visit = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      for (const target of next.get(file) ?? []) {
        const isWhole = target === `${folderOf(target)}/index.ts`
        if (isWhole) problems.add(`${file}: is needed by ${door}, and may import ${target} by type only`)
        else visit(target)
      }
    }
    visit(door)
  }
  return [...problems]
}

/** The files that each file imports. */
function importsOf(imports: readonly Import[]): ReadonlyMap<string, readonly string[]> {
  const next = new Map<string, string[]>()
  for (const { from, to, kind } of imports) {
    if (kind === 'file') next.set(from, [...(next.get(from) ?? []), to])
  }
  return next
}

/** Rings of files that need each other, be it for a type alone: none of them can be read, or moved, without the others.
 * What they share belongs in a file below them. */
function cycles({ imports }: Code): string[] {
  const next = importsOf(imports)
  const found = new Map<string, string>()
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start !== -1) {
      const ring = path.slice(start)
      found.set([...ring].sort().join(), `${ring[0]}: imports itself by ${[...ring.slice(1), ring[0]].join(' → ')}`)
      return
    }
    if (done.has(file)) return
    for (const target of next.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of next.keys()) visit(file, [])
  return [...found.values()]
}

function words({ files }: Code, root: string): string[] {
  const problems: string[] = []
  const unused = new Set(exceptions)
  for (const file of files) {
    if (isTest(file) || isTool(file)) continue
    const source = readSource(root, file)
    for (const { word, line } of wordsIn(source)) {
      const rule = bannedWords.find((each) => each.word === word)
      if (!rule || matches(rule.homes, file)) continue
      const exception = exceptions.find((each) => each.file === file && each.word === word)
      if (exception) unused.delete(exception)
      else problems.push(`${file}:${line}: no \`${word}\`: ${rule.instead}`)
    }
  }
  for (const { file, word } of unused) {
    if (files.includes(file)) problems.push(`${file}: its exception for \`${word}\` is not needed any more`)
  }
  return problems
}

function wordsIn(source: ts.SourceFile): { word: string; line: number }[] {
  const found: { word: string; line: number }[] = []
  const visit = (node: ts.Node): void => {
    const word = wordOf(node, source)
    if (word !== undefined) {
      found.push({ word, line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function wordOf(node: ts.Node, source: ts.SourceFile): string | undefined {
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) {
    const member = ts.isPropertyAccessExpression(node)
      ? node.name.text
      : ts.isStringLiteralLike(node.argumentExpression)
        ? node.argumentExpression.text
        : ''
    return `${node.expression.getText(source).replace(/^globalThis\./, '')}.${member}`
  }
  // `const { env } = process` is process.env by another way.
  if (ts.isVariableDeclaration(node) && node.initializer && ts.isObjectBindingPattern(node.name)) {
    const [whole] = [node.initializer.getText(source)]
    const names = node.name.elements.map((element) => (element.propertyName ?? element.name).getText(source))
    return names.map((name) => `${whole}.${name}`).find((word) => bannedWords.some((rule) => rule.word === word))
  }
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return undefined
  const callee = node.expression.getText(source)
  const [first] = node.arguments ?? []
  if (callee === 'Date' && first === undefined) return 'new Date()'
  if (callee === 'RegExp' && !(first && (ts.isStringLiteralLike(first) || ts.isRegularExpressionLiteral(first)))) {
    return 'new RegExp'
  }
  return undefined
}
