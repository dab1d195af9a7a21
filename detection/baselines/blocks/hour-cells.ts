/** Cells of `hourCell`. */
export const HOUR_CELLS = 48

/** Whether a day since the epoch is a Saturday or a Sunday, UTC; 1 January 1970 was a Thursday. */
export const isWeekend = (day: number): boolean => (((day + 3) % 7) + 7) % 7 >= 5

/** Of an hour since the epoch: 0..23 for those of working days, 24..47 for those of Saturday and Sunday. */
export const hourCell = (hour: number): number =>
  (((hour % 24) + 24) % 24) + (isWeekend(Math.floor(hour / 24)) ? 24 : 0)
