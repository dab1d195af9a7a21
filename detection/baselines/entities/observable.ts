/** Sums beyond it would lose what is added; nothing real is as large. */
const AMOUNT_MAX = 2 ** 53

/** Whether all are numbers to reckon with: what events say of times and sizes may be anything. */
export const isSound = (...numbers: readonly number[]): boolean =>
  numbers.every((number) => Number.isFinite(number) && Math.abs(number) <= AMOUNT_MAX)
