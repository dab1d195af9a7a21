/** A playbook's text. What people write by hand is a few KB. */
export const SOURCE_BYTES_MAX = 256 * 1024
/** How deep maps and lists of a playbook may stand in each other. */
export const SOURCE_DEPTH_MAX = 32
/** Nodes (keys, scalars, maps, lists) of a playbook. */
export const SOURCE_NODES_MAX = 20_000
/** Problems reported of one playbook; more are counted. */
export const PROBLEMS_MAX = 100
export const STEPS_MAX = 500
export const TRIGGERS_MAX = 20
export const INPUTS_MAX = 100
export const PLAYBOOKS_PER_WORKSPACE_MAX = 2000

/** The longest a run may live, waiting included. */
export const RUN_TIMEOUT_MS_MAX = 90 * 86_400_000
export const RUN_TIMEOUT_MS = 24 * 3_600_000
export const ATTEMPT_TIMEOUT_MS = 60_000
export const ATTEMPT_TIMEOUT_MS_MAX = 3_600_000
export const ATTEMPTS_MAX = 20
export const RETRY_DELAY_MS_MAX = 24 * 3_600_000

/** A value that enters or leaves a step, as JSON text. Larger things are evidence, not variables. */
export const PAYLOAD_BYTES_MAX = 1024 * 1024
/** How deep such a value may nest: every walk over it is then safe on the stack. */
export const PAYLOAD_DEPTH_MAX = 64
/** History of one run; Temporal's limits are 51,200 events and 50 MB. */
export const HISTORY_EVENTS_MAX = 20_000
export const HISTORY_BYTES_MAX = 32 * 1024 * 1024

/** A claim or an attempt is somebody's for this long, unless renewed (each third of it). */
export const LEASE_MS = 30_000
/** Times an attempt's process may die before its step fails with `unknown_outcome`. */
export const LOSSES_MAX = 20
/** Claims of a run in a row that ended without a commit; then the run itself is what kills its worker. */
export const FRUITLESS_CLAIMS_MAX = 5
/** After so many of them a run is taken up one at a time: whatever kills a process kills all that it had taken up. */
export const SUSPECT_CLAIMS_MIN = 2
/** What attempts still running after a cancel are given before their outcome counts as unknown. */
export const CANCEL_GRACE_MS = 30_000
/** Runs advanced, and attempts made, at once by one process. */
export const RUNS_AT_ONCE_MAX = 64
export const ATTEMPTS_AT_ONCE_MAX = 128
/** Runs of an account that are under way at once; the others are queued, those that wait do not count. */
export const RUNNING_PER_ACCOUNT_MAX = 200
/** Alert changes looked at in one go. */
export const ALERT_CHANGES_MAX = 64
/** How long a run can be looked at after it ended. */
export const RUN_RETENTION_MS = 90 * 86_400_000
/** How long a revision that is no run's is kept after another took its place. */
export const REVISION_RETENTION_MS = 86_400_000
/** How long an effect is remembered after it was asked for. */
export const EFFECT_RETENTION_MS = 30 * 86_400_000

/** An expression's text, in UTF-16 units. */
export const EXPRESSION_LENGTH_MAX = 4096
export const EXPRESSION_NODES_MAX = 2000
export const EXPRESSION_DEPTH_MAX = 50
/** `a.map(x, b.map(y, …))` is 2. */
export const COMPREHENSION_DEPTH_MAX = 2
/** The processor time that all expressions of one step get together. */
export const EVALUATION_CPU_MS_MAX = 250
/** And the time on the wall, should the machine not give the worker its processor. */
export const EVALUATION_WALL_MS_MAX = 10_000
/** Evaluations that wait for the worker, of all accounts together. */
export const EVALUATIONS_QUEUED_MAX = 10_000
/** The worker's heap; a list that doubles itself ends the worker and nothing else. */
export const EVALUATION_HEAP_MB_MAX = 64

/** The body of an answer to `http.request`. */
export const RESPONSE_BYTES_MAX = 256 * 1024
export const HOOK_BODY_BYTES = 64 * 1024
export const HOOK_BODY_BYTES_MAX = 512 * 1024
export const APPROVAL_EXPIRES_MS = 24 * 3_600_000
/** How old a caller's second factor may be where an approval asks for one. */
export const MFA_AGE_MS_MAX = 5 * 60_000
/** Approvals that one page looks at for the sake of its filter; each is read from what is sealed. */
export const APPROVALS_SCANNED_MAX = 2_000
