import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const runtimeFile = 'runtime.json'
export const bootstrapFile = 'bootstrap-credentials.json'

/** What a running service tells about itself; a port is there where something listens. */
export interface RuntimeInfo {
  readonly pid: number
  /** URL of the API. */
  readonly endpoint: string
  readonly http: number
  readonly syslogTcp?: number
  readonly syslogUdp?: number
}

/** The first user's ways in, made at the first start. */
export interface BootstrapCredentials {
  readonly accountId: string
  readonly userName: string
  readonly password: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly endpoint: string
}

/** What the service on this data folder told, or undefined where none runs. After a kill -9 it is what the dead one
 * told, until the next start. */
export function findRuntime(dataDir: string): RuntimeInfo | undefined {
  return findJson(join(dataDir, runtimeFile)) as RuntimeInfo | undefined
}

/** The first user's credentials, or undefined where the file is gone (it should be, once they are kept elsewhere). */
export function findBootstrapCredentials(dataDir: string): BootstrapCredentials | undefined {
  return findJson(join(dataDir, bootstrapFile)) as BootstrapCredentials | undefined
}

function findJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
