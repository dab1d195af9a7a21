/** Bounds of enrichment. Each says its unit and what passing it costs. */

/** Bytes of a database file: the largest known ones of cities have some 150 MB. A larger one is not read. */
export const DATABASE_BYTES_MAX = 1024 * 1024 * 1024
/** How often it is looked whether a database's file has changed, ms. */
export const DATABASE_CHECK_MS = 10_000
/** Addresses whose look-up is remembered, twice; beyond it those not asked for lately are looked up again. */
export const ADDRESSES_REMEMBERED = 20_000
/** Characters of a name that a database gives; the rest is cut. */
export const NAME_CHARS_MAX = 256
/** How far off a place may be, km, for its coordinates to be told; whatever is less sure is a country. */
export const PLACE_RADIUS_KM_MAX = 200
