import type { Event, JsonObject } from '../../../pipeline/index.ts'
import { anEvent, START } from '../../testing/builders.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** An OCSF event as a parser gives it. */
export const anOcsfEvent = (offset: number, time: number, ocsf: JsonObject): Event =>
  anEvent(offset, {}, { time, receivedAt: time, ocsf })

/** A connection of about 310 bytes. */
export const aConnection = (offset: number, time: number, source: string, destination: string): Event =>
  anOcsfEvent(offset, time, {
    class_uid: 4001,
    activity_id: 2,
    src_endpoint: { ip: source },
    dst_endpoint: { ip: destination, port: 443 },
    traffic: { bytes_out: 300 + ((offset * 7) % 20) },
  })

/** A day before, somebody connects; then hosts call home once a minute, each to its own place. Offsets are from 0. */
export const callsHome = (hosts: number, minutes: number): Event[] => [
  aConnection(0, START - DAY_MS, '10.9.9.9', '198.51.100.1'),
  ...Array.from({ length: hosts * minutes }, (_, i) => {
    const host = i % hosts
    const at = START + Math.floor(i / hosts) * MINUTE_MS + host * 500
    return aConnection(i + 1, at, `10.0.0.${host}`, `192.0.2.${host}`)
  }),
]
