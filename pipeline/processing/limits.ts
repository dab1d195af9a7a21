/** Bytes of records a turn takes: large enough that one commit of the store pays for many, small enough that an alert
 * does not wait for a batch. */
export const BATCH_BYTES_MAX = 2 * 1024 * 1024

/** The detector's state is kept at least this often; what came since is fed to it again after a crash. */
export const STATE_INTERVAL_MS = 5_000
export const STATE_EVENTS_MAX = 200_000
/** Keeping a large state takes no more than one part in so many of the time, however late that makes it. */
export const STATE_COST_FACTOR = 20

/** Between tries of a turn that failed. */
export const RETRY_DELAY_MS_MIN = 100
export const RETRY_DELAY_MS_MAX = 10_000

/** How long a scan of another thread may rest before it is closed. */
export const SCAN_IDLE_MS_MAX = 5 * 60_000
