/** Workspaces, dataspaces of a workspace, and pipes of a dataspace: more are refused, since each costs open files and a
 * table. */
export const WORKSPACES_MAX = 1_000
export const DATASPACES_MAX = 1_000
export const PIPES_MAX = 10_000

/** Fields whose type a pipe may declare. */
export const DECLARED_FIELDS_MAX = 1_000
export const FIELD_NAME_LENGTH_MAX = 256

export const RETENTION_DAYS_MAX = 3_650

/** How long a pipe that was looked up is believed to be as it was: another process may change it. */
export const REMEMBERED_MS = 2_000
/** Pipes remembered at once. */
export const REMEMBERED_MAX = 20_000
