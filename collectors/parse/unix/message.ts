import type { Draft } from '../../ocsf/event.ts'
import { device } from '../../ocsf/objects.ts'

/** A message of a Unix program, its header taken off. */
export interface UnixMessage {
  readonly text: string
  /** The program's name without path, as logged. */
  readonly appname: string
  readonly procid: string | undefined
  readonly hostname: string | undefined
  /** The sender's address, where the transport knows it: names the device when the header does not. */
  readonly senderIp: string | undefined
}

/** Reads the messages of one program: adds what it finds to `original` and gives the OCSF event; undefined when the
 * message is none it knows. */
export type UnixReader = (message: UnixMessage, original: Draft) => Draft | undefined

/** The machine a message comes from. */
export function deviceOf(message: UnixMessage): Draft | undefined {
  return device(message.hostname, message.senderIp)
}
