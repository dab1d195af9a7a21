/** Sources of unknown callers told apart at a time; what comes from further ones is counted as from `others`. */
export const UNKNOWN_SOURCES_MAX = 10_000
/** Actions told apart for one source and minute. */
export const ACTIONS_PER_SOURCE_MAX = 10
/** Records of one append while counts are written. */
export const RECORDS_PER_APPEND = 500
/** How often counts of minutes that are over are written. */
export const FLUSH_EVERY_MS = 10_000
/** Resources of one audit event, and letters of any text in it. */
export const RESOURCES_MAX = 100
export const TEXT_CHARS_MAX = 2048
