import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { nearest } from '../base/nearest.ts'
import { configError } from './errors.ts'
import { configKeys } from './schema.ts'
import type { Given, Problem, Reading, Source } from './source.ts'

/** A configuration is a screen of text; more is somebody's wrong file. */
const FILE_BYTES_MAX = 1024 * 1024

/** What a YAML file says. Every problem names its line and column.
 * @throws platform.config.unreadable */
export function readConfigFile(file: string): Reading {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw configError('platform.config.unreadable', `cannot read the configuration file \`${file}\`: ${reason}`, {
      cause,
    })
  }
  if (text.length > FILE_BYTES_MAX) {
    throw configError(
      'platform.config.unreadable',
      `the configuration file \`${file}\` is larger than ${FILE_BYTES_MAX} bytes`,
    )
  }
  return parseConfigText(text, basename(file))
}

/** @param name stands before line and column in each problem */
function parseConfigText(text: string, name: string): Reading {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2', stringKeys: true })
  const at = (offset: number | undefined): string => {
    const { line, col } = lines.linePos(offset ?? 0)
    return `${name}:${line}:${col}`
  }
  const [broken] = document.errors
  // One slip in YAML makes many errors that follow from it; the first says what to do.
  if (broken) return { given: new Map(), problems: [{ where: at(broken.pos[0]), message: broken.message }] }
  return new Reader(document, at).read()
}

class Reader {
  readonly #document: Document
  readonly #at: (offset: number | undefined) => string
  readonly #given = new Map<string, Given>()
  readonly #problems: Problem[] = []

  constructor(document: Document, at: (offset: number | undefined) => string) {
    this.#document = document
    this.#at = at
  }

  read(): Reading {
    this.#section(this.#document.contents, '')
    return { given: this.#given, problems: this.#problems }
  }

  #section(node: unknown, prefix: string): void {
    if (isEmpty(node)) return
    if (!isMap(node)) {
      const start = (node as Node | null)?.range?.[0]
      const what = prefix === '' ? 'the file' : `\`${prefix}\``
      this.#problems.push({ where: this.#at(start), message: `${what} must be a map of keys` })
      return
    }
    for (const pair of node.items) {
      const start = (pair.key as Node | null)?.range?.[0]
      const name = isScalar(pair.key) ? String(pair.key.value) : ''
      this.#entry(prefix === '' ? name : `${prefix}.${name}`, pair.value, start)
    }
  }

  #entry(path: string, value: unknown, start: number | undefined): void {
    const key = configKeys.find((candidate) => candidate.path === path)
    if (!key) {
      if (configKeys.some((candidate) => candidate.path.startsWith(`${path}.`))) this.#section(value, path)
      else this.#problems.push({ where: this.#at(start), message: unknownKey(path) })
      return
    }
    // A key without a value (all of it commented out) says nothing.
    if (isEmpty(value)) return
    const source: Source = { kind: 'file', where: this.#at(start) }
    this.#given.set(path, { value: (value as Node).toJS(this.#document), source })
  }
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null)
}

/** Words the error for a key that is not one, with the one that was likely meant. */
export function unknownKey(path: string): string {
  const paths = configKeys.map((key) => key.path)
  const sections = paths.flatMap((each) => (each.includes('.') ? [each.slice(0, each.indexOf('.'))] : []))
  const near =
    nearest(path, [...paths, ...sections]) ?? paths.find((each) => each.endsWith(`.${path}`) || each === lastOf(path))
  const shown = path.slice(0, 100)
  return near === undefined ? `unknown key \`${shown}\`` : `unknown key \`${shown}\`; did you mean \`${near}\`?`
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}
