/** Bounds of everything that outsiders' feeds and events can make large. Each says its unit and what passing it costs. */

/** Characters of an indicator's value. */
export const VALUE_CHARS_MAX = 2_048
/** Characters of a source's name. */
export const SOURCE_CHARS_MAX = 128
/** Sources of a workspace that are weighed. */
export const SOURCES_WEIGHED_MAX = 1_000
/** Verdicts on alerts that are taken at a time, how often new ones are looked for, and how far back those are looked at
 * again that may have been committed late, ms. */
export const VERDICTS_PER_STEP = 200
export const VERDICTS_EVERY_MS = 60_000
export const VERDICTS_LATE_MS = 60_000
/** Labels, and phases of a kill chain, of one opinion. */
export const LABELS_MAX = 32
export const LABEL_CHARS_MAX = 128
export const DESCRIPTION_CHARS_MAX = 2_000
/** Sources with an opinion on one indicator. */
export const OPINIONS_MAX = 64
/** Indicators of a workspace: what the memory of the matching set is planned for. */
export const INDICATORS_MAX = 6_000_000
/** Bytes of a bulk put or an import; larger files are sent in parts. */
export const IMPORT_BYTES_MAX = 64 * 1024 * 1024
/** Indicators, or objects of a bundle, in one import. */
export const IMPORT_ITEMS_MAX = 500_000
/** Problems told about one import; the rest are counted. */
export const PROBLEMS_TOLD_MAX = 100
/** Opinions written in one transaction, so that others are not kept waiting. */
export const OPINIONS_PER_WRITE = 500
/** Rows that one statement writes or asks for: databases bound the number of parameters. */
export const ROWS_PER_STATEMENT = 250
/** Rows that a matching set is built of at a time; between them others have their turn. */
export const BUILD_ROWS_PER_STEP = 1_000
/** Changes held beside a matching set before a new set is built. */
export const OVERLAY_INDICATORS_MAX = 50_000
export const PAGE_ITEMS_DEFAULT = 100
export const PAGE_ITEMS_MAX = 1_000
/** Rows that a filtered list looks at before it answers with what it found and a cursor. */
export const SCANNED_PER_PAGE_MAX = 20_000
/** How long sightings are kept, ms. */
export const SIGHTINGS_KEPT_MS = 90 * 86_400_000
/** Below this score an indicator is expired. */
export const SCORE_THRESHOLD = 30
/** The shortest prefixes of a network that may be an indicator. */
export const PREFIX_MIN_V4 = 8
export const PREFIX_MIN_V6 = 16
/** Characters of a STIX pattern; MISP objects make long ones. */
export const PATTERN_CHARS_MAX = 16_384
/** Tokens of a STIX pattern. */
export const PATTERN_TOKENS_MAX = 20_000
/** Nesting of parentheses in a STIX pattern. */
export const PATTERN_DEPTH_MAX = 32
/** Ways to meet one STIX pattern, once its ORs are taken apart. */
export const PATTERN_WAYS_MAX = 256
/** STIX patterns that are compared with the events of a workspace; of more those that came first. */
export const PATTERNS_MAX = 100_000
/** Those of them that no exact value and no text leads to, each compared with every event that shows its objects. */
export const PATTERNS_SCANNED_MAX = 500
/** Patterns that one value, or one window of text, leads to. */
export const PATTERNS_PER_VALUE_MAX = 256
/** Characters that have to stand together in a LIKE for it to be more than everybody's. */
export const LIKE_CHARS_MIN = 4
/** Values of one property of an event, and characters of each, that patterns are compared with. */
export const SHOWN_VALUES_MAX = 64
export const SHOWN_CHARS_MAX = 65_536
/** Nesting of JSON that is imported. */
export const JSON_DEPTH_MAX = 64
/** Characters of one STIX object as JSON. */
export const STIX_OBJECT_CHARS_MAX = 256 * 1024
/** STIX objects that a workspace keeps, versions counted. */
export const OBJECTS_MAX = 2_000_000
/** STIX objects written in one transaction. */
export const OBJECTS_PER_WRITE = 500
/** Bytes of a file of lines that the command line sends at a time. */
export const IMPORT_PART_BYTES = 4 * 1024 * 1024
/** Bytes of one TAXII request. */
export const TAXII_BYTES_MAX = 10 * 1024 * 1024
/** Values of one `match` of a TAXII request. */
export const TAXII_MATCHES_MAX = 100
/** How long the status of what was sent by TAXII can be asked for, ms. */
export const TAXII_STATUS_KEPT_MS = 86_400_000
/** Feeds of a workspace. */
export const FEEDS_MAX = 200
/** Feeds whose age the metrics tell. */
export const FEEDS_SHOWN_MAX = 100
/** Between two polls of a feed, s. */
export const FEED_INTERVAL_SEC_MIN = 60
export const FEED_INTERVAL_SEC_MAX = 30 * 86_400
export const FEED_INTERVAL_SEC_DEFAULT = 3_600
/** How often feeds that are due are looked for, ms. */
export const FEEDS_DUE_EVERY_MS = 15_000
/** Bytes of one answer of a feed. */
export const FEED_ANSWER_BYTES_MAX = 64 * 1024 * 1024
/** How long one answer of a feed may take, ms. */
export const FEED_ANSWER_MS_MAX = 120_000
/** Pages, or files, that one poll takes; the next poll goes on where it ended. */
export const FEED_PAGES_MAX = 1_000
/** Events of a page of a search in a MISP; they may be large. */
export const MISP_EVENTS_PER_PAGE = 20
/** Sightings that a job sends to a MISP, that wait for one feed (of more the oldest go, and are counted), and how often one
 * that is refused is sent. */
export const SIGHTINGS_PER_PUSH = 500
export const SIGHTINGS_WAITING_MAX = 50_000
export const SIGHTING_ATTEMPTS_MAX = 5
/** How long a feed may ask to be left alone, ms. */
export const RETRY_AFTER_MS_MAX = 86_400_000
/** Characters of a feed's URL and of what authorises us there. */
export const FEED_URL_CHARS_MAX = 2_048
export const FEED_SECRET_CHARS_MAX = 4_096
/** From this confidence on, stored events are searched for a new indicator. */
export const HUNT_CONFIDENCE_MIN = 70
/** Allow-lists of a workspace, values of one, and bytes of one as it is put. */
export const ALLOW_LISTS_MAX = 50
export const ALLOW_VALUES_MAX = 200_000
export const ALLOW_BYTES_MAX = 16 * 1024 * 1024
