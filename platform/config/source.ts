/** Where a value came from. */
export interface Source {
  readonly kind: 'default' | 'file' | 'environment' | 'option'
  /** `rampart.yaml:3:7`, `RAMPART_HTTP_PORT`, `--data-dir`; empty for a default. */
  readonly where: string
}

/** A value as somebody gave it, not yet checked. */
export interface Given {
  readonly value: unknown
  readonly source: Source
}

/** Something wrong in what was given, and where. */
export interface Problem {
  readonly where: string
  readonly message: string
}

/** What one place says: values by key path, and what is wrong with it. */
export interface Reading {
  readonly given: ReadonlyMap<string, Given>
  readonly problems: readonly Problem[]
}
