import type { FieldType, PipeAddress } from '../types.ts'

/** What a pipe is set to. */
export interface PipeSettings {
  /** Declared types; a field that is not here gets the type of its first value. */
  readonly fields: Readonly<Record<string, FieldType>>
  /** Events and records older than this go; absent = kept for ever. */
  readonly retentionDays?: number
}

export interface Pipe extends PipeAddress, PipeSettings {
  /** Into how many ordered parts its records go. One, so that no group of a correlation needs two. */
  readonly shardCount: number
  readonly createdAt: number
  readonly updatedAt: number
  /** Grows by one with each change. */
  readonly revision: number
}

/** Names of workspaces, dataspaces and pipes: they stand in paths, in resource names and on the disk. */
export const PIPE_NAME = '^[a-z0-9][a-z0-9_-]{0,63}$'

/** The workspace and dataspace that every account has from the first start. */
export const DEFAULT_NAME = 'default'
/** Takes anything. */
export const LOGS_PIPE = 'logs'
/** The platform's own; nobody may post to it, and no other pipe is called so. */
export const AUDIT_PIPE = 'audit'
