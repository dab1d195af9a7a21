/** Where the log says what an operator should know; a pino logger is one. */
export interface LogMessages {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

export const silent: LogMessages = { warn() {}, error() {} }
