/** What databases know of an address. */
export interface AddressFacts {
  readonly location?: Location
  readonly system?: AutonomousSystem
}

/** OCSF `location`. */
export interface Location {
  /** ISO 3166-1 alpha-2. */
  readonly country?: string
  readonly city?: string
  /** ISO 3166-2, without the country. */
  readonly region?: string
  /** Both or none. */
  readonly lat?: number
  readonly long?: number
  /** The database and the day it was built: `GeoLite2-City 2026-11-20`. */
  readonly provider: string
}

/** OCSF `autonomous_system`. */
export interface AutonomousSystem {
  readonly number: number
  readonly name?: string
}
