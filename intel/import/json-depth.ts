import { JSON_DEPTH_MAX } from '../limits.ts'

/** True when a JSON value is nested no deeper than imports may be. */
export function isShallow(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth >= JSON_DEPTH_MAX) return false
  return Object.values(value).every((member) => isShallow(member, depth + 1))
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The strings of what should be a list of them, few and short. */
export function textsOf(value: unknown, countMax: number, charsMax: number): string[] {
  if (!Array.isArray(value)) return []
  return value
    .filter((each): each is string => typeof each === 'string' && each !== '')
    .slice(0, countMax)
    .map((each) => each.slice(0, charsMax))
}
