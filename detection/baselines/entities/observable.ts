/** Sums beyond it would lose what is added; nothing real is as large. */
const AMOUNT_MAX = 2 ** 53

/** Whether all are numbers to reckon with: what events say of times and sizes may be anything. */
export const isSound = (one: number, two = 0, three = 0, four = 0): boolean =>
  // Nor is NaN at most anything.
  Math.abs(one) <= AMOUNT_MAX &&
  Math.abs(two) <= AMOUNT_MAX &&
  Math.abs(three) <= AMOUNT_MAX &&
  Math.abs(four) <= AMOUNT_MAX
