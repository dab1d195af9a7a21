import { type Dirent, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { FILES_MAX } from '../limits.ts'

/** A log file to read, and the name that its matches are told under. */
export interface InputFile {
  readonly path: string
  readonly name: string
  readonly sizeBytes: number
  readonly compression: 'none' | 'gzip' | 'zstd'
}

const LOG_FILE = /\.(?:ndjson|jsonl|json|log)(?:\.gz|\.zst)?$/i

/** The log files that the arguments name: a file by its base name, a folder's by their path below it, in order of path.
 * What cannot be read is in `unreadable`, with the reason. */
export function findInputFiles(paths: readonly string[]): { files: InputFile[]; unreadable: string[] } {
  const files: InputFile[] = []
  const unreadable: string[] = []
  for (const path of paths) {
    try {
      if (statSync(path).isDirectory()) {
        for (const below of listFiles(path, LOG_FILE)) files.push(inputFile(join(path, below), below))
      } else files.push(inputFile(path, basename(path)))
    } catch (failure) {
      unreadable.push(`${path}: ${(failure as Error).message}`)
    }
  }
  return { files, unreadable }
}

/** Paths, relative to the folder and sorted, of the files below it whose names fit. Links are not followed. */
export function listFiles(folder: string, names: RegExp): string[] {
  const found: string[] = []
  const pending = ['']
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    const entries: Dirent[] = readdirSync(join(folder, below), { withFileTypes: true })
    for (const entry of entries) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) pending.push(path)
      else if (entry.isFile() && names.test(entry.name)) found.push(path)
      if (found.length + pending.length > FILES_MAX) throw new Error(`more than ${FILES_MAX} files below ${folder}`)
    }
  }
  return found.sort((left, right) => (left < right ? -1 : 1))
}

function inputFile(path: string, name: string): InputFile {
  const compression = /\.zst$/i.test(path) ? 'zstd' : /\.gz$/i.test(path) ? 'gzip' : 'none'
  return { path, name, sizeBytes: statSync(path).size, compression }
}
