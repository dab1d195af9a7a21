import type { Event, JsonValue } from '../../../pipeline/index.ts'
import type { Launch } from '../entities/process-tree.ts'
import { deviceOf, memberOf, nameOf } from './members.ts'

const LAUNCH = 1
const NUMBERED = /\d{3}|[0-9a-f]{8}/

/** A program that a program started. */
export function readLaunch(event: Event, at: number): Launch | undefined {
  const { ocsf } = event
  if (ocsf.activity_id !== LAUNCH) return undefined
  const host = deviceOf(event)
  const child = programOf(ocsf.process)
  const parent = programOf(memberOf(ocsf.process, 'parent_process') ?? memberOf(ocsf.actor, 'process'))
  return host === undefined || child === undefined || parent === undefined ? undefined : { at, host, parent, child }
}

/** A program's name without its path and its number: set-up programs are unpacked under another one each time. */
function programOf(process: JsonValue | undefined): string | undefined {
  const file = memberOf(process, 'file')
  const name = nameOf(memberOf(file, 'name')) ?? nameOf(memberOf(process, 'name')) ?? nameOf(memberOf(file, 'path'))
  if (name === undefined) return undefined
  const base = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1).toLowerCase()
  return NUMBERED.test(base) ? base.replaceAll(/[0-9a-f]{8,}|\d{3,}/g, '#') : base
}
