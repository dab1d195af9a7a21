/** Offsets from UTC change on quarter hours only, so one look-up serves all instants of a quarter. */
const QUARTER_MS = 900_000
const DAY_MS = 86_400_000

/** A time zone of the IANA database, or undefined where there is none of that name. */
export function findZone(name: string): Zone | undefined {
  try {
    return new Zone(name)
  } catch {
    return undefined
  }
}

export class Zone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat
  #quarter = Number.NaN
  #offsetMs = 0

  /** @throws RangeError for an unknown name */
  constructor(name: string) {
    this.name = name
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  }

  /** Milliseconds since local midnight. On a day when clocks change, what the clock on the wall shows. */
  timeOfDay(instant: number): number {
    const local = instant + this.#offsetAt(instant)
    return ((local % DAY_MS) + DAY_MS) % DAY_MS
  }

  #offsetAt(instant: number): number {
    const quarter = Math.floor(instant / QUARTER_MS)
    if (quarter !== this.#quarter) {
      const text = this.#format.formatToParts(instant).find((part) => part.type === 'timeZoneName')?.value ?? ''
      const found = /^GMT(?:([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?$/.exec(text)
      const sec = Number(found?.[2] ?? 0) * 3600 + Number(found?.[3] ?? 0) * 60 + Number(found?.[4] ?? 0)
      this.#offsetMs = (found?.[1] === '-' ? -sec : sec) * 1000
      this.#quarter = quarter
    }
    return this.#offsetMs
  }
}
