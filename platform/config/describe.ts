import type { LoadedConfig } from './load.ts'

/** A setting as it may be shown to an operator. */
export interface ShownSetting {
  readonly path: string
  readonly value: unknown
  readonly source: string
}

/** What this process would run with and why, key by key; passwords in it are replaced by `***`. */
export function describeConfig(loaded: LoadedConfig): readonly ShownSetting[] {
  return loaded.settings.map(({ key, value, source }) => ({
    path: key.path,
    value: key.schema.secret && typeof value === 'string' ? withoutPassword(value) : (value ?? null),
    source: source.kind === 'default' ? 'default' : source.where,
  }))
}

/** A URL carries secrets in its user part and its query; host and path are what an operator wants to see. */
function withoutPassword(text: string): string {
  const url = new URL(text)
  if (url.username) url.username = '***'
  if (url.password) url.password = '***'
  if (url.search) url.search = '***'
  if (url.hash) url.hash = '***'
  return url.href
}
