/** Bytes of a policy document as sent, before anything is parsed. */
export const POLICY_BYTES_MAX = 64 * 1024
/** Nesting of a policy document; the grammar needs six. */
export const POLICY_DEPTH_MAX = 8
export const STATEMENTS_MAX = 200
/** Patterns of one Action, Resource or Principal element. */
export const PATTERNS_MAX = 500
/** Values of one condition key. */
export const CONDITION_VALUES_MAX = 500
/** Condition keys of one statement, over all operators. */
export const CONDITION_KEYS_MAX = 100
/** Code units of one pattern or condition value. */
export const PATTERN_LENGTH_MAX = 512
/** `*` in one pattern: bounds the steps of a match to pattern times text in practice as well as in theory. */
export const STARS_MAX = 16
/** Errors listed for one document; more than a person reads at once helps nobody. */
export const POLICY_ERRORS_MAX = 50

/** Characters of a document without white space outside strings, by what it is attached as. */
export const POLICY_SIZES_MAX = {
  identity: 10_240,
  boundary: 10_240,
  guardrail: 10_240,
  session: 2_048,
  trust: 2_048,
  resource: 20_480,
} as const

/** Policies attached to one user, group or role. */
export const ATTACHMENTS_MAX = 20
/** Statements that can apply to one principal over all its policies: what one decision may cost. */
export const STATEMENTS_PER_PRINCIPAL_MAX = 5_000
/** Stored versions of one policy; the oldest that is not the default goes when one more is made. */
export const POLICY_VERSIONS_MAX = 100
export const ACCESS_KEYS_PER_USER_MAX = 2
export const GROUPS_PER_USER_MAX = 100

/** Characters of a resource name or action in a request: longer ones are denied, not looked at. */
export const REQUEST_TEXT_MAX = 2_048
/** Action texts that are remembered; what matches others is found anew each time. */
export const ACTIONS_REMEMBERED_MAX = 2_048
/** Actions whose matching statements one principal's policies keep ready. */
export const ACTIONS_PER_LIST_MAX = 32
/** Decisions one `authorize` call may ask for. */
export const BATCH_MAX = 1_000

/** Principals that one page of who-can decides; a page that comes to it is short, and says where to go on. */
export const WHO_CAN_DECISIONS_MAX = 1_000

/** Life of an access token. */
export const ACCESS_TOKEN_TTL_SEC = 3_600
/** Verified tokens remembered, so that a signature is checked once and not at every request. */
export const TOKENS_REMEMBERED_MAX = 10_000
export const TOKEN_LENGTH_MAX = 4_096

/** How far a signature's time may be from ours. */
export const SIGNATURE_WINDOW_MS = 5 * 60 * 1000
/** Longest life of a signed URL: seven days. */
export const SIGNED_URL_TTL_SEC_MAX = 604_800
/** Derived signing keys remembered: one a key, day, region and service. */
export const SIGNING_KEYS_REMEMBERED_MAX = 10_000
export const SIGNED_HEADERS_MAX = 100
export const QUERY_PARAMETERS_MAX = 1_000

/** argon2id cost: 19 MiB, two passes, one lane.   @see OWASP Password Storage Cheat Sheet */
export const ARGON2_MEMORY_KIB = 19_456
export const ARGON2_PASSES = 2
/** Password hashes computed at once (a hash takes a thread of the pool and 19 MiB) and waiting. */
export const PASSWORD_HASHES_AT_ONCE_MAX = 2
export const PASSWORD_HASHES_WAITING_MAX = 64
export const PASSWORD_LENGTH_MIN = 12
export const PASSWORD_LENGTH_MAX = 256
/** Passwords back that an account may refuse: each costs a hash when a new one is set. */
export const PASSWORD_HISTORY_MAX = 10

/** Failed sign-ins of one user from one address before that pair is locked out, and for how long. */
export const SIGN_IN_FAILURES_MAX = 5
export const SIGN_IN_LOCKOUT_MS = 15 * 60 * 1000
/** Failed sign-ins of one user from anywhere before the user is locked out: what a spread guess gets. */
export const SIGN_IN_FAILURES_OF_USER_MAX = 50
/** Pairs remembered; beyond that the ones touched longest ago are forgotten. */
export const SIGN_IN_PAIRS_MAX = 50_000

/** Sign-ins under way at once; each holds a request and little else. */
export const SIGN_INS_WAITING_MAX = 256
/** Of one user from one address: one who guesses must not fill the room of all. */
export const SIGN_INS_OF_PAIR_MAX = 16

/** Recovery codes made when a second factor is confirmed. */
export const RECOVERY_CODES = 10

/** Sessions of one user that are listed, the newest ones. */
export const SESSIONS_LISTED_MAX = 1_000
/** Registered devices of one account. */
export const DEVICES_MAX = 100_000

/** Of one account. */
export const APP_REGISTRATIONS_MAX = 1_000

/** An access key's time of last use is stored this often at most. */
export const LAST_USED_RESOLUTION_MS = 60_000

/** Policies on resources that are kept compiled. */
export const RESOURCE_POLICIES_REMEMBERED_MAX = 10_000
/** Principals whose compiled policies are kept ready. */
export const VIEWS_REMEMBERED_MAX = 50_000

export const APPLICATIONS_MAX = 100
/** Of one application. */
export const ENTITIES_MAX = 10_000
export const APPLICATION_POLICIES_MAX = 100
/** Bytes of one application as sent. */
export const APPLICATION_BYTES_MAX = 4 * 1024 * 1024
/** Results of one page of a search where the caller names no limit. */
export const SEARCH_RESULTS_MAX = 1_000

export const SESSION_TOKEN_LENGTH_MAX = 16 * 1024

/** Units below the root of an organisation, one in another. */
export const ORGANIZATION_DEPTH_MAX = 5
export const ORGANIZATION_UNITS_MAX = 2_000
/** An organisation is read as a whole when something of it changes. */
export const ORGANIZATION_ACCOUNTS_MAX = 5_000
export const GUARDRAILS_MAX = 1_000
/** On the root, one unit or one account. */
export const GUARDRAILS_PER_NODE_MAX = 20
export const INVITATIONS_MAX = 100
export const INVITATION_TTL_MS = 15 * 24 * 3_600_000

/** Of one account, beside the default one. */
export const PROJECTS_MAX = 1_000
export const PROJECT_RESOURCES_MAX = 10_000
/** Policies that one user, group or role holds for a project or resource. */
export const GRANTS_PER_HOLDER_MAX = 100
/** Decisions that showing who gains and loses by a move may take. */
export const ACCESS_DIFF_DECISIONS_MAX = 20_000
/** Resources one call may move; who gains and loses is found for each. */
export const MOVED_AT_ONCE_MAX = 100

/** Refusals waiting to be written; more are counted and lost, since a decision waits for nothing. Half of the room is kept
 * for what is refused to callers themselves. */
export const DECISION_QUEUE_MAX = 10_000
export const DECISION_WRITE_EVERY_MS = 1_000
/** Written in one transaction, so many a second. */
export const DECISION_BATCH_MAX = 500
/** In one go of the event loop. */
export const DECISIONS_EXPLAINED_AT_ONCE = 25
export const DECISION_RETENTION_MS = 90 * 24 * 3_600_000
export const DECISIONS_KEPT_MAX = 1_000_000
/** Written between two looks for what is too old or too much. */
export const DECISIONS_PER_PRUNE = 10_000
/** Characters; a longer explanation is left out, the refusal kept. */
export const DECISION_EXPLANATION_LENGTH_MAX = 256 * 1024

/** Requests for access for a time that wait for an approval: in an account, and of one user. */
export const ACCESS_PENDING_MAX = 1_000
export const ACCESS_PENDING_PER_USER_MAX = 20
/** Not approved for so long, a request lapses. */
export const ACCESS_LAPSES_AFTER_MS = 7 * 24 * 3_600_000
export const ACCESS_SEC_MIN = 60
export const ACCESS_SEC_MAX = 30 * 24 * 3_600
/** How long a break-glass user stays open at most. */
export const BREAK_GLASS_SEC_MAX = 4 * 3_600
/** One asks, two others open it. */
export const CUSTODIANS_MIN = 3
export const CUSTODIANS_MAX = 20
/** Each takes part in every decision about the user while it lasts. */
export const ACCESS_ACTIVE_PER_USER_MAX = 20
/** Of one account, those that are over. */
export const ACCESS_REQUESTS_KEPT_MAX = 10_000

/** How long a person has to find their security key. */
export const WEBAUTHN_CHALLENGE_TTL_MS = 5 * 60_000
/** Characters of a challenge as a browser sends it back. */
export const WEBAUTHN_CHALLENGE_LENGTH_MAX = 1_024
/** Of one user. */
export const WEBAUTHN_CREDENTIALS_MAX = 10
/** Bytes of a body with the answer of a security key: certificates of attestation are sent even where nobody asks. */
export const WEBAUTHN_BODY_BYTES_MAX = 32 * 1024
/** Characters of the session policy without white space and of the session tags, together. */
export const SESSION_PACKED_CHARS_MAX = 4_096
export const SESSION_TAGS_MAX = 50

/** Identity providers of one account, and what one may have. */
export const IDENTITY_PROVIDERS_MAX = 100
export const IDENTITY_PROVIDER_AUDIENCES_MAX = 100
/** Keys of one identity provider. */
export const IDENTITY_PROVIDER_KEYS_MAX = 50
/** Characters of an identity token. */
export const WEB_IDENTITY_TOKEN_LENGTH_MAX = 20_000
/** Bytes, redirections (none) and time of what an identity provider answers. */
export const IDENTITY_PROVIDER_BYTES_MAX = 256 * 1024
export const IDENTITY_PROVIDER_TIMEOUT_MS = 5_000
/** Fetched keys are good for so long; an unknown key id has them fetched anew, but not more often than this. */
export const FETCHED_KEYS_TTL_MS = 10 * 60_000
export const FETCHED_KEYS_EVERY_MS = 60_000
/** An issuer that did not answer is not asked again for so long. */
export const FETCHED_KEYS_FAILED_MS = 10_000
export const FETCHED_KEYS_REMEMBERED_MAX = 1_000

/** Allowed requests of other kinds than those met again and again that wait to be counted; more are lost. */
export const USES_QUEUE_MAX = 5_000
/** Counted so often, written so often. */
export const USES_COLLECT_EVERY_MS = 1_000
export const USES_WRITE_EVERY_MS = 15_000
/** Kinds of requests that wait to be written. */
export const USES_PENDING_MAX = 20_000
/** Kinds of requests kept of one account a day, and for how long. */
export const SHAPES_PER_DAY_MAX = 50_000
export const USE_RETENTION_DAYS = 90
