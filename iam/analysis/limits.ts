/** Joint states of patterns that are looked at together before an analysis says that it did not see everything. */
export const PATTERN_STATES_MAX = 40_000
/** Classes of texts that patterns tell apart. */
export const PATTERN_CLASSES_MAX = 4_000
/** Values of one context key that a comparison tries. */
export const VALUES_PER_KEY_MAX = 200
/** Contexts that a comparison tries for one action on one resource; with more it says so, and takes the worst. */
export const CONTEXTS_PER_CELL_MAX = 4_096
/** Pairs of an action and a resource that one answer of what-can or diff looks at. */
export const CELLS_MAX = 50_000
/** Users and roles that a change is compared for; with more its effect is not known whole, and a gate refuses it. */
export const PRINCIPALS_COMPARED_MAX = 20_000
/** Comparisons of a principal on one resource that moves between projects. */
export const MOVED_COMPARISONS_MAX = 20_000
/** Rows of new access that a refused change lists. */
export const NEW_ACCESS_TOLD_MAX = 50
/** Kinds of requests that one dry run decides, and rows it tells. */
export const SHAPES_REPLAYED_MAX = 200_000
export const BREAKS_TOLD_MAX = 1_000
/** Decisions that looking for escalations may take. */
export const ESCALATION_DECISIONS_MAX = 200_000
/** What nobody used for so long is found. */
export const IDLE_DAYS = 90

/** Users of an account that are known to be able to give others policies, so that few have to be found anew. */
export const KEEPERS_REMEMBERED = 3
/** Users looked at for one who is left before a change counts as a lock-out. */
export const KEEPERS_LOOKED_AT_MAX = 200
