/** Bounds of everything that outsiders' rules and events can make large. Each says its unit and what passing it costs. */

/** Bytes of one rule file. The largest of 3,754 public rules has 27 kB; YAML needs some 20 times its size in memory. */
export const RULE_FILE_BYTES_MAX = 1024 * 1024
/** Documents in one file. */
export const DOCUMENTS_MAX = 1_000
/** Nesting of maps and lists in a rule. */
export const YAML_DEPTH_MAX = 32
/** Nodes of one file after aliases are followed: what stops alias bombs. */
export const YAML_NODES_MAX = 200_000
/** Problems told about one file; the rest are counted. */
export const PROBLEMS_MAX = 50
/** Nesting of parentheses and `not` in a condition. */
export const CONDITION_DEPTH_MAX = 64
/** Characters of a condition. */
export const CONDITION_CHARS_MAX = 16_384
/** Single comparisons a rule may come to, after `windash`, `base64offset` and placeholders made several of one. */
export const PREDICATES_MAX = 20_000
/** Variants that `windash` makes of one value: five signs for each of up to four dashes. */
export const WINDASH_VARIANTS_MAX = 625
/** Values that the placeholders of one value may stand for together. */
export const PLACEHOLDER_VARIANTS_MAX = 20_000
/** Characters of one regular expression. */
export const REGEX_CHARS_MAX = 8_192
/** Characters of a value in a rule. */
export const VALUE_CHARS_MAX = 65_536
/** Comparisons that a condition may come to when its identifiers are put in for their names, each time anew. */
export const EXPRESSION_NODES_MAX = 200_000
/** The longest window of a correlation, ms: 92 days, a quarter of a year. Its state is held that long. */
export const TIMESPAN_MS_MAX = 92 * 86_400_000
/** How deep keywords look into an event; parsers bound events to less. */
export const EVENT_DEPTH_MAX = 64
/** Kinds of events that matchers keep plans for; beyond it they start afresh, so that made-up channels and event ids cost
 * time but no memory. */
export const PLANS_MAX = 4_096
/** Bytes of one line of a log file; longer ones are counted and passed over. */
export const LINE_BYTES_MAX = 16 * 1024 * 1024
/** Bytes in front of a log file that tell what it is. */
export const HEAD_BYTES = 64 * 1024
/** Bytes of a log file that is one JSON value, or several over many lines; it is held in memory, some three times. */
export const DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
/** Files that one call of `rampart detect` or `rampart rules` walks over. */
export const FILES_MAX = 1_000_000
/** Bytes of a plain log file that a worker takes at a time. */
export const UNIT_BYTES = 8 * 1024 * 1024
/** Of such a worker has so many at hand, so that it need not wait for the thread that gives them. */
export const UNITS_AHEAD = 2
/** Tags of a rule. */
export const TAGS_MAX = 200
/** How many correlations may build on one another in a row. */
export const CORRELATION_DEPTH_MAX = 10
/** Memory that groups of correlations take, about, bytes, unless the configuration says otherwise; beyond it those quiet
 * longest go to the disk. A group of three events takes some 300. */
export const CORRELATION_MEMORY_BYTES = 384 * 1024 * 1024
/** Bytes that their records take of the disk, unless the configuration says otherwise; beyond it those quiet longest are
 * dropped, counted and told. */
export const CORRELATION_DISK_BYTES = 8 * 1024 * 1024 * 1024
/** Groups that are only on the disk; each takes 16 to 32 bytes of memory. Beyond it likewise. */
export const COLD_GROUPS_MAX = 16_000_000
/** Bytes of a file of records before the next one is begun. */
export const CORRELATION_SEGMENT_BYTES = 64 * 1024 * 1024
/** What a checkpoint does between two batches: groups looked at, and bytes written. Some 20 ms. */
export const CHECKPOINT_SLICE_GROUPS = 32_768
export const CHECKPOINT_SLICE_BYTES = 1024 * 1024
/** Bytes that are synced at once; for more the disk is not waited for. */
export const CHECKPOINT_AT_ONCE_BYTES = 1024 * 1024
/** Groups that go to the disk at a time, and of how many they are the quietest. */
export const SPILLED_AT_ONCE = 64
export const SPILLED_OF = 256
/** Bytes of old records that are looked at between two batches for what is still good of them. */
export const COMPACTION_SLICE_BYTES = 512 * 1024
/** Windows that correlations lost are told of once in so long, ms. */
export const LOST_WINDOWS_TOLD_EVERY_MS = 3_600_000
/** Characters of a group's key, or of a value counted, that are held as they are; longer ones are hashed. */
export const GROUP_KEY_CHARS_MAX = 128
/** Matches that one group holds; beyond it the oldest are dropped, and counted: the correlation then sees too few. */
export const ENTRIES_PER_GROUP_MAX = 10_000
/** Matched events that `rampart detect --correlations` holds to put them in order of time. */
export const CORRELATED_EVENTS_MAX = 5_000_000
/** Values of one kind of entity in a finding. */
export const ENTITIES_PER_KIND_MAX = 20
/** Characters of an entity; what is longer is none. */
export const ENTITY_CHARS_MAX = 512
/** The interval in which findings of one rule are counted, ms. */
export const STORM_INTERVAL_MS = 60_000
/** Findings of one rule that a shard tells in such an interval; more are counted and held back. */
export const STORM_FINDINGS_MAX = 1_000
/** Records that a correlation's finding names: the newest. */
export const FINDING_RECORDS_MAX = 100
/** How late an event may come into the window of its group, ms. */
export const LATENESS_MS = 10 * 60_000
/** How far after its receipt an event may say it happened, ms: clocks differ. */
export const CLOCK_SKEW_MS = 5 * 60_000
/** Bytes that a shard's state may have when it is read back. */
export const STATE_BYTES_MAX = 1024 * 1024 * 1024
/** Bytes of an import, packed. */
export const IMPORT_PACKED_BYTES_MAX = 32 * 1024 * 1024
/** Bytes of an import, unpacked. */
export const IMPORT_BYTES_MAX = 256 * 1024 * 1024
/** Rule files of an import. */
export const IMPORT_FILES_MAX = 20_000
/** Rules, correlations and filters of a workspace. */
export const RULES_MAX = 50_000
/** Items of a page. */
export const PAGE_ITEMS_MAX = 1_000
export const PAGE_ITEMS_DEFAULT = 100
/** Rules that a filtered list looks at before it answers with what it found and a cursor. */
export const LISTED_SCAN_MAX = 20_000
/** Rows that one statement writes: databases bound the number of parameters. */
export const ROWS_PER_STATEMENT = 500
/** Pipelines of a workspace. */
export const PIPELINES_MAX = 50
/** Transformations of one pipeline, or within one of its `nest`. */
export const PIPELINE_STEPS_MAX = 2_000
/** Characters of a value that the reasons of a match show. */
export const EXPLAINED_CHARS_MAX = 1_024
/** Reasons shown of one match. */
export const EXPLAINED_REASONS_MAX = 100
/** Tests in one rule. */
export const RULE_TESTS_MAX = 1_000
/** After how many events a plan first looks whether its witnesses are good ones; then after twice as many each time, up to
 * the second. */
export const LEARN_AFTER_EVENTS = 64
export const LEARN_AFTER_EVENTS_MAX = 65_536
/** Spellings of channels and event ids that are remembered. */
export const KEYS_REMEMBERED_MAX = 4_096
/** Bytes of a file of parsed rules that is read back. */
export const RULE_CACHE_BYTES_MAX = 512 * 1024 * 1024
/** Files of parsed rules, and of what was learned with them, that are kept; the oldest go. */
export const RULE_CACHE_FILES_MAX = 16
/** Of them, how many are looked through for files that have not changed when a set of rules has. */
export const RULE_CACHE_OTHERS_MAX = 4
/** Observables of one event that indicators are looked up for. */
export const OBSERVABLES_PER_EVENT_MAX = 64
/** An indicator is told of an entity once in so long, ms. */
export const INDICATOR_TOLD_EVERY_MS = 3_600_000
/** Pairs of indicator and entity that a shard remembers to have told; beyond it the oldest may be told again. */
export const INDICATORS_TOLD_MAX = 50_000
/** Forms of one rule that are kept; older ones are forgotten. */
export const REVISIONS_KEPT = 200
/** Exclusions of one rule. */
export const EXCLUSIONS_PER_RULE_MAX = 200
/** Characters of the reason of an exclusion, and of its owner. */
export const REASON_CHARS_MAX = 2_000
export const OWNER_CHARS_MAX = 256
/** Bytes of the text of an exclusion: it names few things, or it is no exclusion. */
export const EXCLUSION_BYTES_MAX = 64 * 1024
/** Rules that a list of things wrong with a sync names; the rest are counted. */
export const SYNC_PROBLEMS_MAX = 200
/** In one event of so many the time of each rule's test is taken. */
export const TIMED_EVERY = 1_009
/** Kinds of events that are counted for a workspace; of more only the most frequent. */
export const SOURCES_COUNTED_MAX = 500
/** How often what rules did is written down, ms. What a process did since then is counted again from the log when it is
 * killed; of what it cost, which is sampled, so much is forgotten. */
export const TALLY_INTERVAL_MS = 15_000
/** Days for which it is kept. */
export const TALLY_DAYS_KEPT = 100
/** Findings of a canary that are listed: the newest. All are counted. */
export const CANARY_FINDINGS_KEPT = 1_000
/** Days for which they are kept. */
export const CANARY_DAYS_KEPT = 30
/** Days without a hit after which an exclusion is called stale. */
export const EXCLUSION_STALE_DAYS = 90
/** Heap of the thread of a back-test or hunt, MiB. */
export const REPLAY_MEMORY_MB = 768
/** Back-tests that run at a time, each in a thread; further ones are begun again after a pause, at most so often. */
export const BACKTESTS_RUNNING_MAX = 2
export const BACKTEST_ATTEMPTS_MAX = 40
/** How far back a back-test goes, days. */
export const BACKTEST_DAYS_MAX = 400
/** Keys of alerts that a back-test tells apart; beyond it each finding of a new key counts as an alert. */
export const BACKTEST_ALERT_KEYS_MAX = 200_000
/** Entities whose findings a back-test counts. */
export const BACKTEST_ENTITIES_COUNTED_MAX = 50_000
export const BACKTEST_ENTITIES_TOLD = 20
export const BACKTEST_SOURCES_TOLD = 20
export const BACKTEST_DAYS_LISTED_MAX = 100
/** Findings shown of the beginning and of the end, and characters of their records. */
export const BACKTEST_SAMPLES_EACH_END = 10
export const BACKTEST_SAMPLE_CHARS = 500
/** Rules of one back-test. */
export const BACKTEST_RULES_MAX = 100
/** Bytes of the rules that a back-test is asked for with. */
export const BACKTEST_TEXT_BYTES_MAX = 200 * 1024
/** Days of stored events that a hunt searches unless told otherwise, and at most. */
export const HUNT_DAYS_DEFAULT = 30
export const HUNT_DAYS_MAX = 400
/** Findings that one hunt tells. */
export const HUNT_FINDINGS_MAX = 10_000
/** How long a hunt for new indicators waits for more of them, ms: a feed brings many at once. */
export const HUNT_GATHER_MS = 3_000
/** Hunts that one process runs at a time; others wait. */
export const HUNTS_RUNNING_MAX = 1
export const HUNT_ATTEMPTS_MAX = 40
/** Rules that may change at once for a matcher to be kept; with more, making it anew costs less than what stays saves. */
export const CHANGED_RULES_MAX = 64
/** Changes after which a matcher is made anew: it keeps the comparisons of rules that are gone. */
export const MATCHER_CHANGES_MAX = 256
/** Names of fields and kinds of events (channel and event id) that a line screen tells apart; powers of two. Lines of others are
 * looked at one by one. */
export const SCREEN_NAMES_MAX = 4_096
export const SCREEN_KINDS_MAX = 4_096
/** Bytes that a line screen has for blocks and tables, a multiple of 64 KiB. What finds no room is looked at line by line. */
export const SCREEN_BYTES_MAX = 256 * 1024 * 1024
