import { checkQuery, quoteName } from '../../pipeline/index.ts'
import { err, ok, RampartError, type Result } from '../../platform/base/index.ts'
import type { ResolvedCorrelation } from '../correlate/resolve.ts'
import { and, type Expression, or } from '../match/expression.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import { renameFields } from '../sources/rename.ts'
import { type WindowsVariant, windowsVariants } from '../sources/variant.ts'
import { conditionOf, NotInPpl } from './ppl-condition.ts'

/** The search that finds the events a rule matches, among those of a pipe. Of a Windows rule it asks for channel and event
 * id as well, under the names of flat events; any other log source is what the pipe holds. */
export function ruleToPpl(rule: SigmaRule, pipe: string): Result<string, string> {
  try {
    const query = `source=${quoteName(pipe)} | where ${conditionOf(placed(rule))}`
    checkQuery(query, { catalogue: anyPipe, now: 0 })
    return ok(query)
  } catch (failure) {
    if (failure instanceof NotInPpl) return err(failure.message)
    if (failure instanceof RampartError) return err(`PPL does not take it: ${failure.message}`)
    throw failure
  }
}

/** Whatever a query names is there, as text: what else a query can get wrong shows. */
const anyPipe = {
  find: (name: string) => [{ key: name, name, fields: () => [], structs: () => [], type: () => 'string' as const }],
  names: () => [],
}

/** Why a correlation is no search. */
export function correlationToPpl({ correlation }: ResolvedCorrelation): Result<string, string> {
  const reason = `\`${correlation.type}\` moves its window from event to event, and PPL counts in fixed spans`
  return err(`${reason}; search for the rules that it builds on`)
}

/** The expression, and where its log source's events stand. */
function placed({ logsource, expression }: SigmaRule): Expression {
  const { product, service } = logsource
  const variants = windowsVariants(logsource)
  if (variants.length > 0) return or(variants.map((variant) => inVariant(expression, variant)))
  if (product === 'aws' && service === 'cloudtrail') {
    return and([...['eventSource', 'eventName', 'eventVersion'].map(exists), expression])
  }
  return expression
}

const exists = (field: string): Expression => ({ kind: 'exists', field, wanted: true })

function inVariant(expression: Expression, { channels, eventIds, rename }: WindowsVariant): Expression {
  const channel = channels
    ? or(channels.map((text) => ({ kind: 'text', field: 'Channel', position: 'equals', text, cased: false })))
    : exists('Channel')
  const eventId = eventIds
    ? or(eventIds.map((value) => ({ kind: 'number', field: 'EventID', value, text: String(value) })))
    : exists('EventID')
  return and([channel, eventId, rename ? renameFields(expression, rename) : expression])
}
