import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { writeTar } from '../tar.ts'
import { listFiles } from './input-file.ts'

/** The rule files below a folder as a .tar.gz, as `rules:import` takes it.   @throws what reading them throws */
export function packRules(folder: string): Buffer {
  const files = listFiles(folder, /\.ya?ml$/i)
  return gzipSync(writeTar(files.map((path) => ({ path, bytes: readFileSync(join(folder, path)) }))))
}
