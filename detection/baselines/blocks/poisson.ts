/** How rare at least `count` would be where `mean` is usual, in decades: -log10 P(X ≥ count) of a Poisson law. The tail is
 * summed upwards from `count` in logarithms, where terms only shrink once past the mean; 0 up to the mean. */
export function poissonDecades(count: number, mean: number): number {
  if (count <= mean || !(mean > 0)) return count > 0 && mean <= 0 ? Number.MAX_SAFE_INTEGER : 0
  const logTerm = count * Math.log(mean) - mean - logFactorial(count)
  let relative = 1
  let sum = 1
  for (let i = count + 1; relative > 1e-12 && i < count + 10_000; i++) {
    relative *= mean / i
    sum += relative
  }
  return Math.max(0, -(logTerm + Math.log(sum)) / Math.LN10)
}

/** Stirling's series; exact to 1e-6 from 8 on, and summed below. */
function logFactorial(n: number): number {
  if (n < 8) {
    let sum = 0
    for (let i = 2; i <= n; i++) sum += Math.log(i)
    return sum
  }
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n)
}
