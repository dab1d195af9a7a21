import { setTimeout as delay } from 'node:timers/promises'
import { findBootstrapCredentials, findRuntime } from '../platform/base/index.ts'
import type { Arguments, Option } from './command.ts'
import { UsageError } from './command.ts'

/** The options of every command that talks to a running service. */
export const clientOptions = {
  endpoint: { type: 'string', value: 'URL', description: 'the service (default: the one running on --data-dir)' },
  token: { type: 'string', value: 'TOKEN', description: 'an access token of POST /v1/iam/tokens' },
  'data-dir': {
    type: 'string',
    value: 'DIR',
    default: './data',
    description: 'where runtime.json and bootstrap-credentials.json are read when no endpoint or token is given',
  },
  workspace: { type: 'string', value: 'NAME', default: 'default', description: 'the workspace' },
} as const satisfies Readonly<Record<string, Option>>

/** An answer of status 400 or more, as problem+json told it. */
export class ApiError extends Error {
  readonly status: number
  readonly problem: Readonly<Record<string, unknown>>

  constructor(status: number, problem: Readonly<Record<string, unknown>>) {
    super(String(problem.detail ?? problem.title ?? `the service answered ${status}`))
    this.status = status
    this.problem = problem
  }
}

export interface CallOptions {
  readonly method?: string
  /** Sent as JSON unless it is a string or bytes. */
  readonly body?: unknown
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A running service, called as one principal. */
export interface Client {
  readonly endpoint: string
  readonly workspace: string
  /** The answer's body as JSON, or as text where it is not JSON. @throws ApiError */
  call<T>(path: string, options?: CallOptions): Promise<T>
}

const TOKEN_TRIES_MAX = 5

/** Connects as the command line says: `--endpoint` and `--token`, else by the files in `--data-dir`. */
export async function connect(values: Arguments['values']): Promise<Client> {
  const token = values.token ? String(values.token) : await signInAs(values)
  return createClient(endpointOf(values), token, String(values.workspace ?? 'default'))
}

/** A fresh access token of the bootstrap user. */
export function signInAs(values: Arguments['values']): Promise<string> {
  return signIn(endpointOf(values), dataDirOf(values))
}

const dataDirOf = (values: Arguments['values']) => String(values['data-dir'] ?? './data')

function endpointOf(values: Arguments['values']): string {
  return values.endpoint ? String(values.endpoint) : findEndpoint(dataDirOf(values))
}

export function createClient(endpoint: string, token: string, workspace: string): Client {
  return {
    endpoint,
    workspace,
    call: (path, options = {}) =>
      request(endpoint, path, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } }),
  }
}

async function request<T>(endpoint: string, path: string, options: CallOptions): Promise<T> {
  const raw = typeof options.body === 'string' || options.body instanceof Uint8Array
  const contentType = options.contentType ?? (options.body === undefined ? undefined : 'application/json')
  const answer = await fetch(new URL(path, endpoint), {
    method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
    headers: { ...(contentType === undefined ? {} : { 'content-type': contentType }), ...options.headers },
    ...(options.body === undefined
      ? {}
      : { body: raw ? (options.body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(options.body) }),
  })
  const text = await answer.text()
  const value = answer.headers.get('content-type')?.includes('json') ? (JSON.parse(text || 'null') as unknown) : text
  if (!answer.ok) throw new ApiError(answer.status, typeof value === 'object' && value !== null ? { ...value } : {})
  return value as T
}

function findEndpoint(dataDir: string): string {
  const runtime = findRuntime(dataDir)
  if (runtime) return runtime.endpoint
  throw new UsageError(
    `no service runs on ${dataDir} (it has no runtime.json); start one with \`npm start\`, or give --endpoint and --token`,
  )
}

async function signIn(endpoint: string, dataDir: string): Promise<string> {
  const credentials = findBootstrapCredentials(dataDir)
  if (!credentials) throw new UsageError(`${dataDir} has no bootstrap-credentials.json; give --token`)
  const { accountId, userName, password } = credentials
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { accessToken } = await request<{ accessToken: string }>(endpoint, '/v1/iam/tokens', {
        body: { accountId, userName, password },
      })
      return accessToken
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 429) || attempt === TOKEN_TRIES_MAX) throw error
      await delay(1000 * attempt)
    }
  }
}
