import { and, type Expression, or, TRUE } from '../match/expression.ts'
import type { RuleLogsource } from '../sigma/logsource.ts'
import { renameFields } from './rename.ts'
import { windowsCategories } from './windows-categories.ts'
import { windowsChannels } from './windows-channels.ts'

/** What a rule asks of the events of a Windows event log: its own expression there, and the channel and event ids that its
 * log source stands for. Several where Windows writes the same thing in several places. Empty when it cannot mean such
 * an event. A service or category that nothing is known of asks for nothing more: rules fail open, never silently shut. */
export function windowsVariants(logsource: RuleLogsource, expression: Expression): readonly Expression[] {
  const { product, category, service } = logsource
  if (product !== undefined && product !== 'windows') return []
  if (product === undefined) {
    const known = category === undefined ? windowsChannels[service ?? ''] : windowsCategories[category]
    if (!known) return []
  }
  const byService = service === undefined ? TRUE : channelIs(service)
  const sources = category === undefined ? undefined : windowsCategories[category]
  if (!sources) return [and([byService, expression])]
  return sources.map((source) =>
    and([
      byService,
      channelIs(source.service),
      eventIdIn(source.eventIds),
      renameFields(expression, source.rename ?? {}),
    ]),
  )
}

function channelIs(service: string): Expression {
  const channels = Object.hasOwn(windowsChannels, service) ? windowsChannels[service] : undefined
  if (!channels) return TRUE
  return or(
    channels.map((text) => ({ kind: 'text', field: 'Channel', position: 'equals', text, cased: false }) as const),
  )
}

function eventIdIn(eventIds: readonly number[]): Expression {
  return or(eventIds.map((value) => ({ kind: 'number', field: 'EventID', value, text: String(value) }) as const))
}
