import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { cruise } from 'dependency-cruiser'
import ts from 'typescript'

/** One import, of a file of ours or of a package. */
export interface Import {
  readonly from: string
  /** A path from the root, or the name of a package. */
  readonly to: string
  readonly kind: 'file' | 'package'
  /** Types only: gone at run time. */
  readonly typeOnly: boolean
}

/** The code as the check sees it. Paths are from the root, with `/`. */
export interface Code {
  /** Every .ts file there is. */
  readonly files: readonly string[]
  /** Those of them that were read for imports. */
  readonly seen: ReadonlySet<string>
  readonly imports: readonly Import[]
  /** Relative imports that lead nowhere. */
  readonly dangling: readonly { readonly from: string; readonly specifier: string }[]
}

const NOT_CODE = new Set(['node_modules', 'data', 'coverage'])

/** Reads every .ts file below `root` and what it imports: by dependency-cruiser, and for the entries of worker threads,
 * which it does not follow, by `new URL('./x.ts', import.meta.url)`. */
export async function readCode(root: string): Promise<Code> {
  const files = findFiles(root, root)
  const imports: Import[] = []
  const dangling: { from: string; specifier: string }[] = []
  const seen = new Set<string>()
  const { output } = await cruise(
    [...files],
    {
      baseDir: root,
      doNotFollow: { path: 'node_modules' },
      // Type imports too: a folder that knows another's types knows the other.
      tsPreCompilationDeps: true,
    },
    { extensions: ['.ts', '.js', '.json'] },
  )
  if (typeof output === 'string') throw new Error('dependency-cruiser gave text where modules were asked for')
  for (const module of output.modules) {
    if (!files.includes(module.source)) continue
    seen.add(module.source)
    for (const { module: specifier, resolved, couldNotResolve, dependencyTypes } of module.dependencies) {
      const from = module.source
      const typeOnly = dependencyTypes.includes('type-only')
      if (!specifier.startsWith('.')) imports.push({ from, to: packageOf(specifier), kind: 'package', typeOnly })
      else if (couldNotResolve) dangling.push({ from, specifier })
      else imports.push({ from, to: resolved, kind: 'file', typeOnly })
    }
  }
  for (const from of files) {
    for (const specifier of urlEntries(readSource(root, from))) {
      const to = posix.join(dirname(from), specifier)
      if (files.includes(to)) imports.push({ from, to, kind: 'file', typeOnly: false })
      else dangling.push({ from, specifier })
    }
  }
  return { files, seen, imports, dangling }
}

/** The syntax tree of a file. */
export function readSource(root: string, file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true)
}

function findFiles(root: string, folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && !NOT_CODE.has(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return findFiles(root, path)
      return entry.isFile() && entry.name.endsWith('.ts') ? [relative(root, path).replaceAll('\\', '/')] : []
    })
    .sort()
}

/** `@scope/name/deep` is `@scope/name`; `node:fs/promises` stays whole without its prefix unless it needs it. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** The relative .ts specifiers of `new URL('…', import.meta.url)`. */
function urlEntries(source: ts.SourceFile): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText(source) === 'URL') {
      const [specifier, base] = node.arguments ?? []
      if (
        specifier &&
        ts.isStringLiteralLike(specifier) &&
        specifier.text.endsWith('.ts') &&
        base?.getText(source) === 'import.meta.url'
      ) {
        found.push(specifier.text)
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}
