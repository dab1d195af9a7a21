const HOUR_MS = 3_600_000

/** How long after its last occurrence an alert takes further findings, unless its rule says otherwise. */
export const DEDUP_WINDOW_MS = 24 * HOUR_MS
/** A rule cannot ask for more: an alert that never ends is no alert. */
export const DEDUP_WINDOW_MS_MAX = 7 * 24 * HOUR_MS

/** Record ids kept of the oldest and of the newest events of an alert; what lies between is found by search. */
export const EVENTS_KEPT_EACH_END = 20
/** Values kept of one kind of entity, and kinds; the first come stay, so that a flood of made-up ones costs nothing. */
export const ENTITY_VALUES_MAX = 100
export const ENTITY_KINDS_MAX = 32
/** Longer values are cut: they come from events and may be anything. */
export const VALUE_CHARS_MAX = 256
export const TITLE_CHARS_MAX = 512
/** Of a rule's description, its response and each ordinary cause. */
export const GUIDANCE_CHARS_MAX = 4096
/** Techniques, tactics and tags, each. */
export const LABELS_MAX = 50

/** Alerts that one rule may make in an hour; the rest becomes one summary alert, and the rule is called noisy. */
export const ALERTS_PER_RULE_AND_HOUR_MAX = 1000

/** Comments of one alert, and letters of one. */
export const COMMENTS_PER_ALERT_MAX = 1000
export const COMMENT_CHARS_MAX = 10_000
/** Letters of an `Idempotency-Key`. */
export const UPDATE_KEY_CHARS_MAX = 256

/** How long the id of a finding and the key of an update are remembered. Longer than any replay after a crash. */
export const LEDGER_AGE_MS_MAX = 7 * 24 * HOUR_MS
/** A change that nobody took is dropped after this, and the oldest ones earlier when there are too many. */
export const OUTBOX_AGE_MS_MAX = 24 * HOUR_MS
export const OUTBOX_ROWS_MAX = 100_000

/** Rows of one SQL statement: below the number of variables that SQLite takes. */
export const ROWS_PER_STATEMENT = 400
/** A transaction that another one ran into is tried again so often. */
export const CONFLICT_ATTEMPTS_MAX = 20

export const PAGE_ITEMS_DEFAULT = 50
export const PAGE_ITEMS_MAX = 500
/** Alerts that one filtered list looks at before it answers with what it has and a cursor. */
export const SCAN_ROWS_MAX = 5000
/** Foreign findings of one request. */
export const FOREIGN_FINDINGS_MAX = 500

/** The time in which a contribution to an entity's risk loses half of its weight. */
export const RISK_HALF_LIFE_MS = 7 * 24 * HOUR_MS
/** Contributions that an entity's risk is made of: the weightiest. What comes after them would add less than 3 %. */
export const RISK_CONTRIBUTIONS_MAX = 1000
/** Contributions kept of an entity; the lightest go when there are more. */
export const RISK_CONTRIBUTIONS_KEPT_MAX = 1200
/** After this a contribution weighs less than a thousandth, and is forgotten. */
export const RISK_AGE_MS_MAX = 10 * RISK_HALF_LIFE_MS
/** An entity's risk, or so many tactics in so long a time, make an alert of their own. */
export const RISK_ALERT_SCORE = 80
export const RISK_ALERT_TACTICS = 3
export const RISK_TACTICS_WINDOW_MS = 7 * 24 * HOUR_MS
/** Entities of one batch whose risk is moved, those of the highest risk first: each costs a handful of statements. */
export const RISK_ENTITIES_PER_BATCH_MAX = 300
/** Contributions that a risk alert names: the weightiest. */
export const RISK_ALERT_CONTRIBUTIONS_MAX = 50
