import type { AccountId } from '../base/arn.ts'

/** `running` is held by a process under a lease; the last three never change again. */
export const jobStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const
export type JobState = (typeof jobStates)[number]

/** Whose job it is: a tenant's, or the platform's own upkeep. */
export type JobAccount = AccountId | 'rampart'

/** A piece of long work and how far it is. */
export interface Job {
  readonly account: JobAccount
  readonly id: string
  readonly kind: string
  readonly state: JobState
  /** Percent, 0 to 100. */
  readonly progress: number
  readonly note?: string
  readonly output?: unknown
  readonly error?: JobFailure
  /** How often it was begun; more than once after a failure or when a process died. */
  readonly attempts: number
  readonly createdAt: number
  readonly startedAt?: number
  readonly endedAt?: number
}

export interface JobFailure {
  readonly code: string
  readonly message: string
}

/** Why a handler is asked to stop. */
export type JobAbort = 'stopping' | 'cancelled' | 'timeout' | 'lost'
