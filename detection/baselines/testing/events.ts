import type { Event, JsonObject } from '../../../pipeline/index.ts'
import { anEvent, START } from '../../testing/builders.ts'

const MINUTE_MS = 60_000

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

/** Hosts that call home once a minute, each to its own place. */
export const callsHome = (hosts: number, minutes: number): Event[] =>
  Array.from({ length: hosts * minutes }, (_, i) => {
    const host = i % hosts
    return aConnection(i, START + Math.floor(i / hosts) * MINUTE_MS + host * 500, `10.0.0.${host}`, `192.0.2.${host}`)
  })
