import { type Draft, SUCCESS, setStatus, startEvent } from '../../ocsf/event.ts'
import { put } from '../../ocsf/objects.ts'
import { deviceOf, type UnixMessage } from './message.ts'
import { readPam } from './pam.ts'

/** What cron and crontab say they do, and the Scheduled Job activity it is. Reading a table is none of them. */
const verbs: ReadonlyMap<string, number> = new Map([
  ['CMD', 6],
  ['REPLACE', 2],
  ['RELOAD', 2],
  ['BEGIN EDIT', 99],
  ['END EDIT', 99],
  ['LIST', 99],
  ['DELETE', 3],
])

/** `(user) VERB (detail)`. The command of a job may hold anything, the user's name no bracket.
 * @see cron(8), crontab(1): log_it in misc.c */
export function readCron(message: UnixMessage, original: Draft): Draft | undefined {
  const { text } = message
  if (text.startsWith('pam_')) return readPam(message, original)
  const found = /^\(([^()]{1,256})\) ([A-Z]{2,16}(?: [A-Z]{2,16})?) \(/.exec(text)
  if (found === null || !text.endsWith(')')) return undefined
  const [front, name = '', verb = ''] = found
  const activity = verbs.get(verb)
  if (activity === undefined) return undefined
  const detail = text.slice(front.length, -1).trim()
  original.user = name
  original.cron_action = verb
  const job: Draft = {}
  if (activity === 6) {
    original.command = detail
    job.name = detail.slice(0, 256)
    job.cmd_line = detail
  } else {
    job.name = `crontab ${detail}`
    // `(*system*) RELOAD (/etc/cron.d/x)` names a file, `(alice) REPLACE (bob)` a user's table.
    if (detail.includes('/'))
      job.file = { name: detail.slice(detail.lastIndexOf('/') + 1) || detail, path: detail, type_id: 1 }
    else original.crontab = detail
  }
  if (name !== '*system*') job.user = { name: activity === 6 || detail.includes('/') ? name : detail || name }
  const draft = startEvent(1006, activity, verb)
  draft.job = job
  if (name !== '*system*') draft.actor = { user: { name }, app_name: message.appname }
  put(draft, 'device', deviceOf(message))
  setStatus(draft, SUCCESS)
  draft.metadata = { product: { name: 'cron', vendor_name: 'Linux' } }
  return draft
}
