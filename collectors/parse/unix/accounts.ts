import { type Draft, FAILURE, SUCCESS, setStatus, startEvent } from '../../ocsf/event.ts'
import { put, user } from '../../ocsf/objects.ts'
import { deviceOf, type UnixMessage } from './message.ts'
import { readPam } from './pam.ts'

interface Change {
  readonly classUid: 3001 | 3006
  readonly activity: number
  readonly activityName?: string
  readonly user?: string | undefined
  readonly userId?: string | undefined
  readonly group?: string | undefined
  readonly groupId?: string | undefined
  readonly actor?: string | undefined
  readonly failed?: string
}

/** `name=mallory, UID=1001, GID=1001, home=/home/mallory, shell=/bin/bash`: values hold no comma. */
function readPairs(text: string, original: Draft): Record<'name' | 'UID' | 'GID', string | undefined> {
  const found: Record<'name' | 'UID' | 'GID', string | undefined> = { name: undefined, UID: undefined, GID: undefined }
  for (const pair of text.split(', ', 16)) {
    const cut = pair.indexOf('=')
    const key = pair.slice(0, cut)
    const value = pair.slice(cut + 1)
    if (key === 'name' || key === 'UID' || key === 'GID') found[key] = value
    if (key === 'home' || key === 'shell' || key === 'from' || key === 'UID' || key === 'GID') original[key] = value
  }
  return found
}

/** Quoted names between fixed words, as in `add 'mallory' to group 'sudo'`. */
const sentences: readonly (readonly [pattern: RegExp, toChange: (names: readonly (string | undefined)[]) => Change])[] =
  [
    [
      /^add '(.+)' to (?:shadow )?group '(.+)'$/,
      ([, name, group]) => ({ classUid: 3006, activity: 3, user: name, group }),
    ],
    [
      /^delete '(.+)' from (?:shadow )?group '(.+)'$/,
      ([, name, group]) => ({ classUid: 3006, activity: 4, user: name, group }),
    ],
    [
      /^user (.+) added by (.+) to group (\S+)$/,
      ([, name, actor, group]) => ({ classUid: 3006, activity: 3, user: name, actor, group }),
    ],
    [
      /^user (.+) removed by (.+) from group (\S+)$/,
      ([, name, actor, group]) => ({ classUid: 3006, activity: 4, user: name, actor, group }),
    ],
    [/^delete user '(.+)'$/, ([, name]) => ({ classUid: 3001, activity: 6, user: name })],
    [/^lock user '(.+)' password$/, ([, name]) => ({ classUid: 3001, activity: 9, user: name })],
    [/^unlock user '(.+)' password$/, ([, name]) => ({ classUid: 3001, activity: 12, user: name })],
    [/^change user '(.+)' password$/, ([, name]) => ({ classUid: 3001, activity: 3, user: name })],
    [
      /^change user '(.+?)' (\w+) from /,
      ([, name, what]) => ({ classUid: 3001, activity: 99, activityName: `Change ${what}`, user: name }),
    ],
    [
      /^password for '(.+)' changed by '(.+)'$/,
      ([, name, actor]) => ({ classUid: 3001, activity: 3, user: name, actor }),
    ],
    [
      /^failed adding user '(.+?)'/,
      ([, name]) => ({ classUid: 3001, activity: 1, user: name, failed: 'failed adding user' }),
    ],
    [/^group '(.+)' removed/, ([, group]) => ({ classUid: 3006, activity: 5, group })],
    [/^removed group '(.+)' owned by /, ([, group]) => ({ classUid: 3006, activity: 5, group })],
  ]

function readChange(text: string, original: Draft): Change | undefined {
  if (text.startsWith('new user: ')) {
    const pairs = readPairs(text.slice(10), original)
    return { classUid: 3001, activity: 1, user: pairs.name, userId: pairs.UID }
  }
  const created = /^(?:new group: |group added to \/etc\/g?(?:group|shadow): )/.exec(text)
  if (created !== null) {
    const pairs = readPairs(text.slice(created[0].length), original)
    return { classUid: 3006, activity: 6, group: pairs.name, groupId: pairs.GID }
  }
  for (const [pattern, toChange] of sentences) {
    const found = pattern.exec(text)
    if (found !== null) return toChange(found)
  }
  return undefined
}

/** useradd, usermod, userdel, groupadd, groupmod, groupdel, gpasswd, passwd, chage: changes of accounts (3001) and of groups (3006).
 * @see shadow-utils, src/useradd.c, src/usermod.c, src/gpasswd.c */
export function readAccounts(message: UnixMessage, original: Draft): Draft | undefined {
  if (message.text.startsWith('pam_')) return readPam(message, original)
  if (message.text.length > 2048) return undefined
  const change = readChange(message.text, original)
  if (change === undefined) return undefined
  put(original, 'user', change.user)
  put(original, 'group', change.group)
  put(original, 'by', change.actor)
  const draft = startEvent(change.classUid, change.activity, change.activityName)
  put(draft, 'user', user({ name: change.user, uid: change.userId }))
  if (change.group !== undefined) {
    const group: Draft = { name: change.group }
    put(group, 'uid', change.groupId)
    draft.group = group
  }
  const actor = user({ name: change.actor })
  draft.actor = actor === undefined ? { app_name: message.appname } : { user: actor, app_name: message.appname }
  put(draft, 'device', deviceOf(message))
  if (change.failed === undefined) setStatus(draft, SUCCESS)
  else setStatus(draft, FAILURE, change.failed)
  draft.metadata = { product: { name: 'shadow-utils', vendor_name: 'Linux' } }
  return draft
}
