/** Bounds of the baselines. Each says its unit and what passing it costs. */

/** Characters of one line of a series file. A row is a time and a number; longer ones are no such file. */
export const SERIES_LINE_CHARS_MAX = 1_024
/** Files that one call of `rampart baseline replay` takes. */
export const SERIES_FILES_MAX = 100_000
/** Folders within folders that it walks into. */
export const SERIES_DEPTH_MAX = 32
/** Buckets of one quantile sketch; beyond it the lowest are merged, so that high quantiles stay exact to the promised
 * error. 512 of 2 % hold a range of 10^9. */
export const SKETCH_BUCKETS_MAX = 512
