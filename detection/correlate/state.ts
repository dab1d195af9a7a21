/** The windows of a correlator as they are kept over a restart. */
export type CorrelatorState = readonly {
  readonly id: string
  /** Of the correlation's definition: windows of another one mean nothing. */
  readonly fingerprint: string
  readonly groups: readonly GroupState[]
}[]

export interface GroupState {
  readonly key: string
  readonly times: readonly number[]
  readonly tags?: readonly number[]
  readonly values?: readonly (string | number)[]
  readonly refs: readonly number[]
  readonly arrivedAt: number
  readonly toldAt?: number
}
