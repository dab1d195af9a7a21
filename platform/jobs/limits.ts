/** Jobs that one process runs at a time; they share the main thread with the API. */
export const CONCURRENCY = 4
/** A job whose process died is taken over this long after its last sign of life. */
export const LEASE_MS = 30_000
/** A handler that runs longer is asked to stop, and its lease is not renewed any more. */
export const TIMEOUT_MS = 3_600_000
/** How often a job is begun before it is given up, deaths of its process included. */
export const ATTEMPTS_MAX = 5
/** The pause after the first failure; it doubles with each further one. */
export const RETRY_MS_MIN = 1_000
export const RETRY_MS_MAX = 300_000
/** How often an idle process looks for jobs that another process queued or dropped. */
export const POLL_MS = 1_000
/** How often a running job's progress is written and its cancellation seen. */
export const HEARTBEAT_MS = 1_000
/** Jobs of one account that have not ended; more are refused with 429. */
export const OPEN_PER_ACCOUNT_MAX = 10_000
/** JSON of one input or output; more belongs into a store, with its address in the job. */
export const INPUT_CHARS_MAX = 256 * 1024
/** A note or the message of an error. */
export const NOTE_CHARS_MAX = 1_000
/** How long an ended job can be asked about. */
export const ENDED_KEPT_MS = 7 * 24 * 3_600_000
/** Rows deleted in one transaction. */
export const PRUNED_PER_STEP = 1_000
export const PAGE_ITEMS_DEFAULT = 50
export const PAGE_ITEMS_MAX = 200
