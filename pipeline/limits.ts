/** Days for which processed records are kept in the log, to be processed again where a parser was wrong. Their events
 * stay searchable as long as the pipe says. */
export const RECORD_DAYS_KEPT = 7
