import type { RuleLogsource } from '../sigma/logsource.ts'
import { windowsCategories } from './windows-categories.ts'
import { windowsChannels } from './windows-channels.ts'

/** Where in Windows event logs the events of a log source stand, and what its fields are called there. */
export interface WindowsVariant {
  /** In lower case; undefined for any. */
  readonly channels: readonly string[] | undefined
  /** Undefined for any. */
  readonly eventIds: readonly number[] | undefined
  /** The names there of fields that are called otherwise. */
  readonly rename: Readonly<Record<string, string>> | undefined
}

/** The places that a rule's log source stands for among Windows event logs; several where Windows writes the same thing in
 * several places, none when it cannot mean such an event. A service or category that nothing is known of asks for nothing
 * more: rules fail open, never silently shut. */
export function windowsVariants({ product, category, service }: RuleLogsource): readonly WindowsVariant[] {
  if (product !== undefined && product !== 'windows') return []
  const ofService = channelsOf(service)
  const sources =
    category !== undefined && Object.hasOwn(windowsCategories, category) ? windowsCategories[category] : undefined
  if (product === undefined && !(category === undefined ? ofService : sources)) return []
  if (!sources) return [{ channels: ofService, eventIds: undefined, rename: undefined }]
  return sources.map((source) => ({
    channels: bothOf(ofService, channelsOf(source.service)),
    eventIds: source.eventIds,
    rename: source.rename,
  }))
}

function channelsOf(service: string | undefined): readonly string[] | undefined {
  return service !== undefined && Object.hasOwn(windowsChannels, service) ? windowsChannels[service] : undefined
}

function bothOf(
  left: readonly string[] | undefined,
  right: readonly string[] | undefined,
): readonly string[] | undefined {
  if (!left || !right) return left ?? right
  return left.filter((channel) => right.includes(channel))
}
