/** What the engine counts.   @see ../metrics.ts */
export interface EngineCounts {
  readonly runsEnded: { add(labels: { readonly status: string }): void }
  readonly attempts: { add(labels: { readonly action: string; readonly outcome: string }): void }
  readonly attemptsLost: { add(labels: object, amount?: number): void }
  readonly resultsLate: { add(labels: object): void }
  readonly commitsFenced: { add(labels: object): void }
  readonly runsStuck: { add(labels: object, amount?: number): void }
}
