/** Bounds of the baselines. Each says its unit and what passing it costs. */

/** Characters of one line of a series file. A row is a time and a number; longer ones are no such file. */
export const SERIES_LINE_CHARS_MAX = 1_024
/** Files that one call of `rampart baseline replay` takes. */
export const SERIES_FILES_MAX = 100_000
/** Folders within folders that it walks into. */
export const SERIES_DEPTH_MAX = 32
/** Buckets of one quantile sketch; beyond it the lowest are merged, so that high quantiles stay exact to the promised
 * error. 512 of 2 % hold a range of 10^9. */
export const SKETCH_BUCKETS_MAX = 512
/** Entities that a detector holds; beyond it those quiet longest are dropped, newcomers before those known for a day, and
 * counted: they learn anew. */
export const ENTITIES_MAX = 100_000
/** Values that are held of one entity or one peer group; beyond it those not seen longest are dropped, and are new again. */
export const VALUES_PER_ENTITY_MAX = 256
/** Hours without an observation that are taken in as zeros, one by one; a longer silence counts as this long. */
export const SILENT_HOURS_MAX = 7 * 24
/** Characters of a name (an entity, a value) that are held as they are; longer ones are hashed. */
export const KEY_CHARS_MAX = 128
/** Pairs of source and destination that the beacon detector holds, each up to 2 kB: 41 MB. */
export const PAIRS_MAX = 20_000
/** Pairs of client and domain that the tunnel detector holds, each up to 512 names an hour: 100 MB at the worst. */
export const FLOWS_MAX = 10_000
/** Peer groups, and the members of one. */
export const PEER_GROUPS_MAX = 200
export const PEERS_MAX = 4_096
/** Characters of a name in an event that a baseline takes; longer ones are cut. */
export const SUBJECT_CHARS_MAX = 512
/** Deviations that are remembered of one baseline and shard: what feedback is weighed by. */
export const HISTORY_MAX = 500
/** Exclusions of one baseline in a workspace. */
export const EXCLUSIONS_MAX = 200
/** Characters of an exclusion's pattern and of its reason. */
export const EXCLUSION_CHARS_MAX = 1_100
/** Bytes that a model's state may have, as it is kept, for it to be written with every snapshot of its shard. A larger
 * one is written after as many events as it has this many bytes; after a crash those events are looked at again. */
export const STATE_BYTES_AN_EVENT = 16
/** Characters of models' states that are written out in one go, and then with every batch until all of it is: some 5 ms.
 * More is a longer wait of the shard. */
export const STATE_CHARS_A_TURN = 256 * 1024
/** Characters of a state that are compressed together. */
export const SAVED_PIECE_CHARS = 128 * 1024
/** Bytes that such a piece may have when it is read: one line of it is what a model does not save by entry. */
export const STATE_PIECE_BYTES_MAX = 256 * 1024 * 1024
/** Entities of one baseline that are held frozen at once. */
export const FROZEN_MAX = 10_000
/** Entities whose state of learning a report counts, of each baseline; those beyond it are only counted as known. */
export const REPORTED_NAMES_MAX = 200_000
/** Examples of what an offer would have hidden. */
export const OFFER_EXAMPLES_MAX = 10
/** Bytes of an account's key: SipHash takes 16. */
export const KEY_BYTES = 16
/** How long after an alert changed the baselines learn whose alerts are open, ms: many change at once. */
export const FREEZE_DELAY_MS = 500
/** Users or sources that a detector of guessing holds, each up to 0.5 kB, a few of them 1.5. */
export const GUESSED_MAX = 20_000
/** Networks, agents, regions and operations that are held of one access key; those not used longest are new again. */
export const KEY_VALUES_MAX = 512
/** Names of programs that are told apart in a workspace. */
export const PROGRAMS_MAX = 10_000
/** Hosts whose behaviour is held, each some 0.6 kB and up to 1 kB of the hour that runs. */
export const BEHAVIOURS_MAX = 10_000
/** Signatures of programs that are told apart, and pairs of source and destination that speak TLS or HTTP. */
export const SIGNATURES_MAX = 10_000
export const CLIENT_PAIRS_MAX = 20_000
