import { type Draft, FAILURE, SUCCESS, setStatus, startEvent } from '../../ocsf/event.ts'
import { process, put, textOf, user } from '../../ocsf/objects.ts'
import { deviceOf, type UnixMessage } from './message.ts'
import { authentication, readPam } from './pam.ts'

const product = { product: { name: 'sudo', vendor_name: 'Sudo project' } } as const

/** `alice : [reason ; ]TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/sh`. Directory and command are the caller's
 * choice: the command is all after the first ` COMMAND=`, so that nothing of it can be hidden.
 * A command run is Process Activity (launch by another user), as is one refused, with status failure.
 * @see sudoers(5), LOG FORMAT */
export function readSudo(message: UnixMessage, original: Draft): Draft | undefined {
  const text = message.text.trimStart()
  if (text.startsWith('pam_')) return readPam({ ...message, text }, original)
  const colon = text.indexOf(' : ')
  const commandAt = text.indexOf('COMMAND=', colon)
  if (colon < 1 || commandAt < 0) return undefined
  const caller = text.slice(0, colon)
  const command = text.slice(commandAt + 8)
  const reasons: string[] = []
  for (const part of text.slice(colon + 3, commandAt).split(' ; ')) {
    const field = /^(TTY|PWD|USER|GROUP|TSID|ENV|CHROOT|CWD|RUNCHROOT)=(.*)$/s.exec(part)
    if (field !== null) put(original, field[1] ?? '', field[2]?.trimEnd())
    else if (part.trim() !== '' && reasons.length < 4) reasons.push(part.trim())
  }
  original.by = caller
  original.COMMAND = command

  const draft = startEvent(1007, 1)
  const actor: Draft = {}
  put(actor, 'user', user({ name: caller }))
  put(actor, 'process', process({ pid: message.procid, name: 'sudo' }))
  const terminal = textOf(original.TTY)
  if (terminal !== undefined) actor.session = { terminal }
  draft.actor = actor
  put(draft, 'device', deviceOf(message))
  const space = command.indexOf(' ')
  const launched = process(
    {
      image: space < 0 ? command : command.slice(0, space),
      commandLine: command,
      user: user({ name: original.USER ?? 'root' }),
    },
    true,
  )
  if (launched !== undefined) {
    put(launched, 'working_directory', original.PWD)
    draft.process = launched
  }
  if (reasons.length === 0) setStatus(draft, SUCCESS)
  else {
    original.reason = reasons.join(' ; ')
    setStatus(draft, FAILURE, reasons.join(' ; '))
  }
  // sudo does not log the number of the process it starts.
  draft.metadata = { ...product, labels: ['missing:process.pid'] }
  return draft
}

/** `su`'s own lines, in the words of util-linux and shadow. */
export function readSu(message: UnixMessage, original: Draft): Draft | undefined {
  if (message.text.startsWith('pam_')) return readPam(message, original)
  const shadow = /^(Successful|FAILED) su for (.{1,256}) by (.{1,256})$/.exec(message.text)
  const linux = /^(FAILED SU )?\(to (.{1,256})\) (.{1,256}) on (\S{1,64})$/.exec(message.text)
  const failed = shadow !== null ? shadow[1] === 'FAILED' : linux?.[1] !== undefined
  const target = shadow?.[2] ?? linux?.[2]
  const caller = shadow?.[3] ?? linux?.[3]
  if (target === undefined || caller === undefined) return undefined
  original.user = target
  original.by = caller
  const draft = authentication(message, { service: 'su', activity: 7, user: user({ name: target }) })
  draft.actor = { user: { name: caller } }
  if (failed) setStatus(draft, FAILURE, 'authentication failure')
  else setStatus(draft, SUCCESS)
  draft.metadata = { product: { name: 'su', vendor_name: 'Linux' } }
  return draft
}
