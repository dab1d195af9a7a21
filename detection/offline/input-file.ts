import { closeSync, type Dirent, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { FILES_MAX, HEAD_BYTES } from '../limits.ts'

/** A log file to read, and the name that its matches are told under. */
export interface InputFile {
  readonly path: string
  readonly name: string
  readonly sizeBytes: number
  readonly compression: 'none' | 'gzip' | 'zstd'
  /** When it was written last, ms. */
  readonly writtenAt: number
  /** What is read in its place: standard input. */
  readonly stream?: Readable
}

const ANY_FILE = /^/

/** Earlier, a file was not written: its time was never set. 1990-01-01. */
const WRITTEN_AT_MIN = Date.UTC(1990, 0, 1)

/** The files that the arguments name: a file by its base name, a folder's by their path below it, in order of path. Which of
 * them hold logs is told when they are read. What cannot be read is in `unreadable`, with the reason.
 * @param now ms, for files that do not say when they were written */
export function findInputFiles(paths: readonly string[], now: number): { files: InputFile[]; unreadable: string[] } {
  const files: InputFile[] = []
  const unreadable: string[] = []
  for (const path of paths) {
    try {
      if (statSync(path).isDirectory()) {
        for (const below of listFiles(path, ANY_FILE)) files.push(inputFile(join(path, below), below, now))
      } else files.push(inputFile(path, basename(path), now))
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

function inputFile(path: string, name: string, now: number): InputFile {
  const compression = /\.zst$/i.test(path) ? 'zstd' : /\.gz$/i.test(path) ? 'gzip' : 'none'
  const { size: sizeBytes, mtimeMs } = statSync(path)
  return { path, name, sizeBytes, compression, writtenAt: mtimeMs < WRITTEN_AT_MIN ? now : mtimeMs }
}

/** Standard input, told as `-`. */
export function standardInput(stream: Readable, now: number): InputFile {
  return { path: '-', name: '-', sizeBytes: 0, compression: 'none', writtenAt: now, stream }
}

/** The first bytes of a plain file. */
export function readFront(path: string): Buffer {
  const front = Buffer.alloc(HEAD_BYTES)
  const file = openSync(path, 'r')
  try {
    return front.subarray(0, readSync(file, front, 0, front.length, 0))
  } finally {
    closeSync(file)
  }
}
