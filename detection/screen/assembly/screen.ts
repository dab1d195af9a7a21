// AssemblyScript, made into ../line-screen.wasm by `npm run wasm`. Reads lines of JSON where they lie and tells those in which
// something shows that a rule needs. Everything it works with is laid out in its memory by ../layout.ts; what the
// numbers of a table mean stands there. It never says "nothing" of a line that it does not wholly understand.

/** What `next` found. */
const END: i32 = 0
/** A line that has to be looked at as it is. */
const ODD: i32 = 1
/** A line of a kind that nothing is known of: `channelAt` … `eventIdEnd` name it. */
const UNKNOWN_KIND: i32 = 2
/** A line in which something shows: `kind`, and `found` numbers at FOUND. */
const SHOWS: i32 = 3

const MEMBERS_MAX: u32 = 1024
const FOUND_MAX: u32 = 4096

/** The two characters beyond ASCII that fold to letters of ASCII. */
const LONG_S: u32 = 0x17f
const KELVIN: u32 = 0x212a

const QUOTE: u8 = 0x22
const BACKSLASH: u8 = 0x5c
const NEWLINE: u8 = 0x0a

/** Kinds of values, and what is special about a text. */
const TEXT: u32 = 0
const INTEGER: u32 = 1
const NUMBER: u32 = 2
const WORD: u32 = 3
const NULL: u32 = 4
const ESCAPED: u32 = 8
const UNICODE_ESCAPED: u32 = 16
const WIDE: u32 = 32
const KIND_BITS: u32 = 7

/** A member: slot of its name (0 = no rule names it), where its value lies, how long it is, what it is. */
const MEMBER_BYTES: usize = 16

/** A name: hash, where it lies, how long it is, its slot. */
const NAME_BYTES: usize = 16
/** A kind of events: hash, where channel and event id lie (one after the other), length of both, of the channel, its number. */
const KIND_BYTES: usize = 20

const CHANNEL_SLOT: u32 = 1
const EVENT_ID_SLOT: u32 = 2
/** From here on slots are fields of rules; before it, names that say of what form an event is. */
const FIRST_FIELD_SLOT: u32 = 16

/** Offsets in a plan. */
const PLAN_EVENTS: usize = 0
const PLAN_SLOTS: usize = 4
const PLAN_FIELDS: usize = 8
const PLAN_ANY: usize = 12
const PLAN_ALWAYS: usize = 16
const PLAN_SEEN: usize = 20
const PLAN_ANY_NUMERIC: usize = 24
const PLAN_SIEVE: usize = 28
const PLAN_WIDE_COUNT: usize = 32
const PLAN_WIDE: usize = 36

/** Offsets in a field of a plan. */
const FIELD_CHARS: usize = 0
const FIELD_PRESENT_COUNT: usize = 4
const FIELD_PRESENT: usize = 8
const FIELD_NUMERIC: usize = 12
const FIELD_AUTOMATON: usize = 16
const FIELD_WIDE_COUNT: usize = 20
const FIELD_WIDE: usize = 24
const FIELD_EMPTY_COUNT: usize = 28
const FIELD_EMPTY: usize = 32

/** Offsets in an automaton. */
const AUTOMATON_WIDTH: usize = 0
const AUTOMATON_ROOT: usize = 4
const AUTOMATON_FIRST_CHILD: usize = 8
const AUTOMATON_NEXT_SIBLING: usize = 12
const AUTOMATON_COLUMN: usize = 16
const AUTOMATON_FAIL: usize = 20
const AUTOMATON_OUTPUTS: usize = 24
const AUTOMATON_ROWS: usize = 28
const AUTOMATON_COLUMNS: usize = 32

/** A step to a row that has outputs, or to a state whose row is not made yet. */
const STEP_OUTPUT: u32 = 1
const STEP_UNMADE: u32 = 2

/** Offsets in a sieve: for each of three characters in a row, by its low and by its high half, in which of eight groups a
 * literal has it there; the fold of each byte; a table of four characters in a row, open addressed, 0 where free. */
const SIEVE_HALVES: usize = 0
const SIEVE_FOLD: usize = 96
const SIEVE_MASK: usize = 352
const SIEVE_TABLE: usize = 356

const OUTPUT_AT_START: u32 = 1
const OUTPUT_AT_END: u32 = 2

let names: usize = 0
let namesMask: u32 = 0
let kinds: usize = 0
let kindsMask: u32 = 0
let plans: usize = 0
let members: usize = 0
let found: usize = 0
let scratch: usize = 0
let result: usize = 0
let heap: usize = 0

let at: usize = 0
let blockEnd: usize = 0
let epoch: u32 = 0
let textFlags: u32 = 0
let memberCount: u32 = 0
/** What is special about any text of the line in hand. */
let lineFlags: u32 = 0
let foundCount: u32 = 0
let textAt: usize = 0
let textLength: u32 = 0

let lineStart: usize = 0
/** Lines since the block was opened, the one in hand counted. */
let lines: u32 = 0
/** Lines in which nothing showed. */
let passed: u32 = 0
let channelAt: usize = 0
let channelEnd: usize = 0
let eventIdAt: usize = 0
let eventIdEnd: usize = 0

export function setUp(
  namesAt: usize,
  namesMaskIs: u32,
  kindsAt: usize,
  kindsMaskIs: u32,
  plansAt: usize,
  membersAt: usize,
  foundAt: usize,
  scratchAt: usize,
  resultAt: usize,
  heapAt: usize,
): void {
  names = namesAt
  namesMask = namesMaskIs
  kinds = kindsAt
  kindsMask = kindsMaskIs
  plans = plansAt
  members = membersAt
  found = foundAt
  scratch = scratchAt
  result = resultAt
  heap = heapAt
}

/** Goes on with a memory that was kept: from where on it is free, and the last epoch that its marks know. */
export function takeUp(heapAt: usize, lastEpoch: u32): void {
  heap = heapAt
  epoch = lastEpoch
}

export function epochNow(): u32 {
  return epoch
}

/** Room for so many bytes, aligned to 8 and cleared; 0 where none is left. The memory never grows, so that nobody's view of it
 * is ever taken away. */
export function allocate(bytes: u32): usize {
  const start = heap
  const end = <u64>start + ((<u64>bytes + 7) & ~7)
  if (end > <u64>memory.size() << 16) return 0
  heap = <usize>end
  return start
}

/** Begins with whole lines; the byte at `end` - 1 is a newline. */
export function open(start: usize, end: usize): void {
  at = start
  blockEnd = end
  lines = 0
  passed = 0
}

/** The next line that somebody has to look at; what it is stands in the result. */
export function next(): i32 {
  while (at < blockEnd) {
    lineStart = at
    lines++
    if (!readMembers()) {
      at = endOfLine(lineStart)
      return tellResult(ODD, 0)
    }
    const entry = findKind()
    if (entry == 0) return tellResult(UNKNOWN_KIND, 0)
    const kind = load<u32>(entry + 16)
    const plan = <usize>load<u32>(plans + (<usize>kind << 2))
    if (plan == 0 || !look(plan)) return tellResult(ODD, 0)
    if (foundCount > 0 || load<u32>(plan + PLAN_ALWAYS) != 0) return tellResult(SHOWS, kind)
    passed++
    at++
  }
  return tellResult(END, 0)
}

/** `at` is where the line in hand ends. */
function tellResult(answer: i32, kind: u32): i32 {
  store<u32>(result, <u32>lineStart)
  store<u32>(result, <u32>at, 4)
  store<u32>(result, lines, 8)
  store<u32>(result, kind, 12)
  store<u32>(result, foundCount, 16)
  store<u32>(result, <u32>channelAt, 20)
  store<u32>(result, <u32>channelEnd, 24)
  store<u32>(result, <u32>eventIdAt, 28)
  store<u32>(result, <u32>eventIdEnd, 32)
  store<u32>(result, passed, 36)
  store<u32>(result, memberCount, 40)
  at++
  return answer
}

function endOfLine(start: usize): usize {
  let p = start
  const newline = i8x16.splat(NEWLINE)
  while (true) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(p), newline))
    if (mask != 0) return p + <usize>ctz(mask)
    p += 16
  }
}

// @ts-ignore: decorator
@inline
function skipSpace(p: usize): usize {
  let c = load<u8>(p)
  while (c == 0x20 || c == 0x09 || c == 0x0d) c = load<u8>(++p)
  return p
}

/** Reads the line at `at` up to its newline into members. False where it is no flat object with channel and event id, or
 * anything is unusual. */
function readMembers(): bool {
  let p = skipSpace(at)
  if (load<u8>(p) != 0x7b) return false
  p = skipSpace(p + 1)
  memberCount = 0
  lineFlags = 0
  channelAt = 0
  eventIdAt = 0
  while (true) {
    if (load<u8>(p) != QUOTE) return false
    const nameAt = p + 1
    p = endOfText(nameAt)
    if (p == 0 || textFlags != 0) return false
    const slot = slotOf(nameAt, <u32>(p - nameAt))
    p = skipSpace(p + 1)
    if (load<u8>(p) != 0x3a) return false
    p = skipSpace(p + 1)
    p = load<u8>(p) == 0x5b ? readList(p, slot) : readValue(p, slot)
    if (p == 0) return false
    if (slot != 0 && slot < FIRST_FIELD_SLOT && !takeKind(slot)) return false
    p = skipSpace(p)
    const separator = load<u8>(p)
    p = skipSpace(p + 1)
    if (separator == 0x2c) continue
    if (separator != 0x7d || load<u8>(p) != NEWLINE) return false
    at = p
    return channelAt != 0 && eventIdAt != 0
  }
}

/** Reads a text, a number or a word into the next member; where it ends, or 0. */
function readValue(start: usize, slot: u32): usize {
  const c = load<u8>(start)
  let valueAt = start
  let valueEnd: usize
  let what: u32
  let p: usize
  if (c == QUOTE) {
    valueAt = start + 1
    valueEnd = endOfText(valueAt)
    if (valueEnd == 0) return 0
    what = TEXT | textFlags
    lineFlags |= textFlags
    p = valueEnd + 1
  } else {
    if (c == 0x2d || isDigit(c)) {
      p = endOfNumber(start)
      if (p == 0) return 0
      what = textFlags
    } else if (c == 0x74 && load<u32>(start) == 0x65757274) {
      p = start + 4
      what = WORD
    } else if (c == 0x66 && load<u32>(start + 1) == 0x65736c61) {
      p = start + 5
      what = WORD
    } else if (c == 0x6e && load<u32>(start) == 0x6c6c756e) {
      p = start + 4
      what = NULL
    } else return 0
    valueEnd = p
  }
  return putMember(slot, valueAt, <u32>(valueEnd - valueAt), what) ? p : 0
}

/** Reads a list of such values, each as a member of the same name: a list passes when one of its elements does. After them
 * comes an empty one that says it was a list. */
function readList(start: usize, slot: u32): usize {
  let p = skipSpace(start + 1)
  if (load<u8>(p) != 0x5d) {
    while (true) {
      p = readValue(p, slot)
      if (p == 0) return 0
      p = skipSpace(p)
      const separator = load<u8>(p)
      if (separator == 0x5d) break
      if (separator != 0x2c) return 0
      p = skipSpace(p + 1)
    }
  }
  return putMember(slot, p, 0, NULL) ? p + 1 : 0
}

function putMember(slot: u32, valueAt: usize, length: u32, what: u32): bool {
  if (memberCount == MEMBERS_MAX) return false
  const member = members + <usize>memberCount * MEMBER_BYTES
  memberCount++
  store<u32>(member, slot)
  store<u32>(member, <u32>valueAt, 4)
  store<u32>(member, length, 8)
  store<u32>(member, what, 12)
  return true
}

/** Takes the last member as channel or event id. False where it is no plain text or number, or came before. */
function takeKind(slot: u32): bool {
  const member = members + <usize>(memberCount - 1) * MEMBER_BYTES
  const what = load<u32>(member, 12)
  const valueAt = <usize>load<u32>(member, 4)
  const valueEnd = valueAt + <usize>load<u32>(member, 8)
  if (slot == CHANNEL_SLOT) {
    if (channelAt != 0 || what != TEXT) return false
    channelAt = valueAt
    channelEnd = valueEnd
    return true
  }
  if (eventIdAt != 0 || (what != TEXT && what != INTEGER)) return false
  // With its quote, so that `"1"` and `1` are two.
  eventIdAt = what == TEXT ? valueAt - 1 : valueAt
  eventIdEnd = valueEnd
  return true
}

/** Where the text that begins at `p` has its closing quote; 0 where it is no text of JSON. */
function endOfText(start: usize): usize {
  let p = start
  let flags: u32 = 0
  const quote = i8x16.splat(QUOTE)
  const backslash = i8x16.splat(BACKSLASH)
  const space = i8x16.splat(0x20)
  while (true) {
    const block = v128.load(p)
    const stops = i8x16.bitmask(
      v128.or(v128.or(i8x16.eq(block, quote), i8x16.eq(block, backslash)), i8x16.lt_u(block, space)),
    )
    let wide = i8x16.bitmask(block)
    if (stops == 0) {
      if (wide != 0) flags |= WIDE
      p += 16
      continue
    }
    const place = ctz(stops)
    if (wide != 0 && (wide & ((1 << place) - 1)) != 0) flags |= WIDE
    p += <usize>place
    const c = load<u8>(p)
    if (c == QUOTE) {
      textFlags = flags
      return p
    }
    if (c != BACKSLASH) return 0
    const escape = load<u8>(p + 1)
    if (escape == 0x75) {
      for (let i: usize = 2; i < 6; i++) if (!isHex(load<u8>(p + i))) return 0
      flags |= UNICODE_ESCAPED
      p += 6
    } else {
      if (unescaped(escape) == 0) return 0
      flags |= ESCAPED
      p += 2
    }
  }
}

// @ts-ignore: decorator
@inline
function isHex(c: u8): bool {
  return (c >= 0x30 && c <= 0x39) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66)
}

/** What stands for a character after a backslash; 0 for none. */
// @ts-ignore: decorator
@inline
function unescaped(c: u8): u8 {
  if (c == BACKSLASH || c == QUOTE || c == 0x2f) return c
  if (c == 0x6e) return 0x0a
  if (c == 0x72) return 0x0d
  if (c == 0x74) return 0x09
  if (c == 0x62) return 0x08
  if (c == 0x66) return 0x0c
  return 0
}

// @ts-ignore: decorator
@inline
function isDigit(c: u8): bool {
  return c >= 0x30 && c <= 0x39
}

/** Where a number of JSON ends; 0 where it is none. `textFlags` says whether its text is what JavaScript writes for it. */
function endOfNumber(start: usize): usize {
  let p = start
  const negative = load<u8>(p) == 0x2d
  if (negative) p++
  const digits = p
  if (!isDigit(load<u8>(p))) return 0
  const leadingZero = load<u8>(p) == 0x30
  while (isDigit(load<u8>(p))) p++
  if (leadingZero && p - digits > 1) return 0
  // Too many are infinite, which is a word.
  if (p - digits > 300) return 0
  let plain = p - digits <= 15 && !(negative && leadingZero)
  if (load<u8>(p) == 0x2e) {
    plain = false
    if (!isDigit(load<u8>(++p))) return 0
    while (isDigit(load<u8>(p))) p++
  }
  // With an exponent likewise.
  if ((load<u8>(p) | 0x20) == 0x65) return 0
  textFlags = plain ? INTEGER : NUMBER
  return p
}

/** For the table of names. */
export function hashOf(p: usize, length: u32): u32 {
  let first: u64
  let last: u64 = 0
  if (length >= 8) {
    first = load<u64>(p)
    last = load<u64>(p + length - 8)
  } else {
    first = 0
    for (let i: u32 = 0; i < length; i++) first = (first << 8) | <u64>load<u8>(p + i)
  }
  let h = (first ^ rotl<u64>(last, 29) ^ <u64>length) * 0x9e3779b97f4a7c15
  h ^= h >> 32
  return <u32>h
}

function sameBytes(a: usize, b: usize, length: u32): bool {
  let i: u32 = 0
  while (i + 8 <= length) {
    if (load<u64>(a + i) != load<u64>(b + i)) return false
    i += 8
  }
  while (i < length) {
    if (load<u8>(a + i) != load<u8>(b + i)) return false
    i++
  }
  return true
}

function slotOf(p: usize, length: u32): u32 {
  const hash = hashOf(p, length)
  let index = hash & namesMask
  while (true) {
    const entry = names + <usize>index * NAME_BYTES
    const slot = load<u32>(entry + 12)
    if (slot == 0) return 0
    if (
      load<u32>(entry) == hash &&
      load<u32>(entry + 8) == length &&
      sameBytes(<usize>load<u32>(entry + 4), p, length)
    ) {
      return slot
    }
    index = (index + 1) & namesMask
  }
}

/** Channel's and event id's hash, for the table of kinds. */
export function hashOfKind(channel: usize, channelLength: u32, eventId: usize, eventIdLength: u32): u32 {
  return hashOf(channel, channelLength) ^ rotl<u32>(hashOf(eventId, eventIdLength), 13)
}

function findKind(): usize {
  const channelLength = <u32>(channelEnd - channelAt)
  const eventIdLength = <u32>(eventIdEnd - eventIdAt)
  const hash = hashOfKind(channelAt, channelLength, eventIdAt, eventIdLength)
  let index = hash & kindsMask
  while (true) {
    const entry = kinds + <usize>index * KIND_BYTES
    const bytes = <usize>load<u32>(entry + 4)
    if (bytes == 0) return 0
    if (
      load<u32>(entry) == hash &&
      load<u32>(entry + 8) == channelLength + eventIdLength &&
      load<u32>(entry + 12) == channelLength &&
      sameBytes(bytes, channelAt, channelLength) &&
      sameBytes(bytes + channelLength, eventIdAt, eventIdLength)
    ) {
      return entry
    }
    index = (index + 1) & kindsMask
  }
}

/** Looks for what the plan's rules need. False where a value is unusual and a rule looks at it. */
function look(plan: usize): bool {
  foundCount = 0
  if (epoch == 0xffffffff) return false
  epoch++
  const slots = load<u32>(plan + PLAN_SLOTS)
  const fields = <usize>load<u32>(plan + PLAN_FIELDS)
  let any = <usize>load<u32>(plan + PLAN_ANY)
  if (any != 0 && sifts(<usize>load<u32>(plan + PLAN_SIEVE))) any = 0
  const anyNumeric = load<u32>(plan + PLAN_ANY_NUMERIC) != 0
  const seen = <usize>load<u32>(plan + PLAN_SEEN)
  store<u32>(plan + PLAN_EVENTS, load<u32>(plan + PLAN_EVENTS) + 1)
  if ((lineFlags & (WIDE | UNICODE_ESCAPED)) != 0) tellAll(plan + PLAN_WIDE_COUNT, seen)
  let member = members
  for (let i: u32 = 0; i < memberCount; i++, member += MEMBER_BYTES) {
    const slot = load<u32>(member)
    const field = slot < slots ? <usize>load<u32>(fields + (<usize>slot << 2)) : 0
    if (field == 0 && any == 0) continue
    const what = load<u32>(member, 12)
    if ((what & KIND_BITS) == NULL) {
      if (field != 0) tellAll(field + FIELD_PRESENT_COUNT, seen)
      continue
    }
    const automaton: usize = field == 0 ? 0 : <usize>load<u32>(field + FIELD_AUTOMATON)
    if (field != 0) {
      tellAll(field + FIELD_PRESENT_COUNT, seen)
      if ((what & (WIDE | UNICODE_ESCAPED)) != 0) tellAll(field + FIELD_WIDE_COUNT, seen)
      if (load<u32>(member, 8) == 0) tellAll(field + FIELD_EMPTY_COUNT, seen)
      store<u32>(field + FIELD_CHARS, load<u32>(field + FIELD_CHARS) + load<u32>(member, 8))
    }
    // Nothing that is looked for anywhere can stand in a number, however it is written.
    if (automaton == 0 && (any == 0 || (what == NUMBER && !anyNumeric))) continue
    if (!takeText(member, what)) return false
    if (automaton != 0) {
      if (load<u32>(field + FIELD_NUMERIC) != 0 && what != INTEGER && saysNumber()) return false
      if (!run(automaton, seen)) return false
    }
    if (any != 0 && !run(any, seen)) return false
  }
  return true
}

/** True when no value of the line can hold one of the sieve's literals: none of their stretches of four characters stands
 * anywhere in the line. False where there is no sieve, or characters may be written in another way.
 * @see "Teddy" of Intel's Hyperscan, which looks for the first characters of many literals in the same way */
function sifts(sieve: usize): bool {
  if (sieve == 0 || (lineFlags & UNICODE_ESCAPED) != 0) return false
  const end = at
  if ((lineFlags & WIDE) != 0 && hasFoldingWide(lineStart, <u32>(end - lineStart))) return false
  const low0 = v128.load(sieve, SIEVE_HALVES)
  const high0 = v128.load(sieve, SIEVE_HALVES + 16)
  const low1 = v128.load(sieve, SIEVE_HALVES + 32)
  const high1 = v128.load(sieve, SIEVE_HALVES + 48)
  const low2 = v128.load(sieve, SIEVE_HALVES + 64)
  const high2 = v128.load(sieve, SIEVE_HALVES + 80)
  const half = i8x16.splat(0x0f)
  const zero = i8x16.splat(0)
  for (let p = lineStart; p < end; p += 16) {
    const a = v128.load(p)
    const b = v128.load(p, 1)
    const c = v128.load(p, 2)
    const groups = v128.and(
      v128.and(
        v128.and(i8x16.swizzle(low0, v128.and(a, half)), i8x16.swizzle(high0, v128.and(i16x8.shr_u(a, 4), half))),
        v128.and(i8x16.swizzle(low1, v128.and(b, half)), i8x16.swizzle(high1, v128.and(i16x8.shr_u(b, 4), half))),
      ),
      v128.and(i8x16.swizzle(low2, v128.and(c, half)), i8x16.swizzle(high2, v128.and(i16x8.shr_u(c, 4), half))),
    )
    if (!v128.any_true(groups)) continue
    let places = ~i8x16.bitmask(i8x16.eq(groups, zero)) & 0xffff
    while (places != 0) {
      if (hasFour(sieve, p + <usize>ctz(places))) return false
      places &= places - 1
    }
  }
  return true
}

function hasFour(sieve: usize, p: usize): bool {
  const folds = sieve + SIEVE_FOLD
  const four =
    <u32>load<u8>(folds + <usize>load<u8>(p)) |
    (<u32>load<u8>(folds + <usize>load<u8>(p + 1)) << 8) |
    (<u32>load<u8>(folds + <usize>load<u8>(p + 2)) << 16) |
    (<u32>load<u8>(folds + <usize>load<u8>(p + 3)) << 24)
  const mask = load<u32>(sieve + SIEVE_MASK)
  let index = hashOfFour(four) & mask
  while (true) {
    const entry = load<u32>(sieve + SIEVE_TABLE + (<usize>index << 2))
    if (entry == four) return true
    if (entry == 0) return false
    index = (index + 1) & mask
  }
}

/** @see ../sieve.ts, which has the same */
// @ts-ignore: decorator
@inline
function hashOfFour(four: u32): u32 {
  return (four * 0x9e3779b1) >>> 16
}

/** Tells of a list of witnesses: at `list` their count and where they lie. */
function tellAll(list: usize, seen: usize): void {
  const count = load<u32>(list)
  if (count == 0) return
  const numbers = <usize>load<u32>(list + 4)
  for (let i: u32 = 0; i < count; i++) tell(load<u32>(numbers + (<usize>i << 2)), seen)
}

/** The characters that a value is compared by, in UTF-8. False where they cannot be told here. */
function takeText(member: usize, what: u32): bool {
  textAt = <usize>load<u32>(member, 4)
  textLength = load<u32>(member, 8)
  if (what == TEXT || what == INTEGER || what == WORD) return true
  if (what == NUMBER) return false
  if ((what & WIDE) != 0 && hasFoldingWide(textAt, textLength)) return false
  return (what & (ESCAPED | UNICODE_ESCAPED)) == 0 || unescape()
}

/** Long s and the sign of Kelvin fold to letters of ASCII. */
function hasFoldingWide(p: usize, length: u32): bool {
  const end = p + length
  while (p < end) {
    const c = load<u8>(p)
    if (c == 0xc5 && load<u8>(p + 1) == 0xbf) return true
    if (c == 0xe2 && load<u8>(p + 1) == 0x84 && load<u8>(p + 2) == 0xaa) return true
    p++
  }
  return false
}

/** Puts the text without its escapes into the scratch, which has room for the longest line; one character for each that is
 * written as a number beyond ASCII. False where that is one which folds to a letter of ASCII. */
function unescape(): bool {
  let from = textAt
  const end = from + textLength
  let to = scratch
  const backslash = i8x16.splat(BACKSLASH)
  while (from < end) {
    const block = v128.load(from)
    v128.store(to, block)
    const mask = i8x16.bitmask(i8x16.eq(block, backslash))
    if (mask == 0) {
      from += 16
      to += 16
      continue
    }
    const place = <usize>ctz(mask)
    from += place
    to += place
    if (from >= end) break
    const escape = load<u8>(from + 1)
    if (escape == 0x75) {
      const code =
        (valueOfHex(from + 2) << 12) |
        (valueOfHex(from + 3) << 8) |
        (valueOfHex(from + 4) << 4) |
        valueOfHex(from + 5)
      if (code == LONG_S || code == KELVIN) return false
      store<u8>(to, <u8>(code < 0x80 ? code : 0x80))
      from += 6
    } else {
      store<u8>(to, unescaped(escape))
      from += 2
    }
    to++
  }
  // The last block may have gone beyond the end.
  textLength = from > end ? <u32>(to - scratch - (from - end)) : <u32>(to - scratch)
  textAt = scratch
  return true
}

// @ts-ignore: decorator
@inline
function valueOfHex(p: usize): u32 {
  const c = <u32>load<u8>(p)
  return c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57
}

/** Whether the text is a number in decimal that is written otherwise than JavaScript writes it: it may equal a value that
 * looks otherwise.   @see ../../match/number.ts */
function saysNumber(): bool {
  let p = textAt
  const end = p + textLength
  if (textLength == 0 || load<u8>(p) > 0x39) return false
  let plain = textLength <= 15
  while (p < end && isSpace(load<u8>(p))) {
    plain = false
    p++
  }
  if (p < end && (load<u8>(p) == 0x2b || load<u8>(p) == 0x2d)) {
    plain = false
    p++
  }
  const digits = p
  while (p < end && isDigit(load<u8>(p))) p++
  let count = p - digits
  if (count > 1 && load<u8>(digits) == 0x30) plain = false
  if (p < end && load<u8>(p) == 0x2e) {
    plain = false
    p++
    const fraction = p
    while (p < end && isDigit(load<u8>(p))) p++
    count += p - fraction
  }
  if (count == 0) return false
  if (p < end && (load<u8>(p) | 0x20) == 0x65) {
    plain = false
    let q = p + 1
    if (q < end && (load<u8>(q) == 0x2b || load<u8>(q) == 0x2d)) q++
    const exponent = q
    while (q < end && isDigit(load<u8>(q))) q++
    if (q > exponent) p = q
  }
  // What follows may be space of any kind, so that of beyond ASCII counts as such.
  while (p < end && (isSpace(load<u8>(p)) || load<u8>(p) >= 0x80)) {
    plain = false
    p++
  }
  return p == end && !plain
}

// @ts-ignore: decorator
@inline
function isSpace(c: u8): bool {
  return c == 0x20 || (c >= 0x09 && c <= 0x0d)
}

/** Tells of each literal that stands in the text where it is asked for. False when too much shows to tell. */
function run(automaton: usize, seen: usize): bool {
  const columns = automaton + AUTOMATON_COLUMNS
  const start = textAt
  const end = start + textLength
  let row = <usize>load<u32>(automaton + AUTOMATON_ROOT)
  for (let p = start; p < end; p++) {
    const entry = row + (<usize>load<u8>(columns + <usize>load<u8>(p)) << 2)
    let step = load<u32>(entry)
    if ((step & 3) != 0) {
      if ((step & STEP_UNMADE) != 0) {
        const state = step >> 2
        row = makeRow(automaton, state)
        if (row == 0) return false
        step = <u32>row | (outputsOf(automaton, state) == 0 ? 0 : STEP_OUTPUT)
        store<u32>(entry, step)
      }
      if ((step & STEP_OUTPUT) != 0) {
        row = <usize>(step & ~3)
        if (!tellOutputs(automaton, load<u32>(row - 8), <u32>(p + 1 - start), seen)) return false
      } else row = <usize>step
    } else row = <usize>step
  }
  return true
}

// @ts-ignore: decorator
@inline
function outputsOf(automaton: usize, state: u32): usize {
  return <usize>load<u32>(<usize>load<u32>(automaton + AUTOMATON_OUTPUTS) + (<usize>state << 2))
}

function tellOutputs(automaton: usize, state: u32, ended: u32, seen: usize): bool {
  let output = outputsOf(automaton, state)
  const last = output + 4 + (<usize>load<u32>(output) << 3)
  output += 4
  while (output < last) {
    const info = load<u32>(output + 4)
    if (
      ((info & OUTPUT_AT_START) == 0 || info >> 2 == ended) &&
      ((info & OUTPUT_AT_END) == 0 || ended == textLength)
    ) {
      if (!tell(load<u32>(output), seen)) return false
    }
    output += 8
  }
  return true
}

function tell(number: u32, seen: usize): bool {
  const mark = seen + (<usize>number << 2)
  if (load<u32>(mark) == epoch) return true
  store<u32>(mark, epoch)
  if (foundCount == FOUND_MAX) return false
  store<u32>(found + (<usize>foundCount << 2), number)
  foundCount++
  return true
}

/** A state's row: where its own steps lead, and for all others where those of the longest proper suffix lead.
 * 0 where there is no room. */
function makeRow(automaton: usize, state: u32): usize {
  const rowEntry = <usize>load<u32>(automaton + AUTOMATON_ROWS) + (<usize>state << 2)
  const known = <usize>load<u32>(rowEntry)
  if (known != 0) return known
  const width = load<u32>(automaton + AUTOMATON_WIDTH)
  const fail = <usize>load<u32>(automaton + AUTOMATON_FAIL)
  const fallback: usize = state == 0 ? 0 : makeRow(automaton, load<u32>(fail + (<usize>state << 2)))
  if (state != 0 && fallback == 0) return 0
  const block = allocate(8 + (width << 2))
  if (block == 0) return 0
  const row = block + 8
  store<u32>(block, state)
  if (fallback != 0) memory.copy(row, fallback, <usize>width << 2)
  const firstChild = <usize>load<u32>(automaton + AUTOMATON_FIRST_CHILD)
  const nextSibling = <usize>load<u32>(automaton + AUTOMATON_NEXT_SIBLING)
  const column = <usize>load<u32>(automaton + AUTOMATON_COLUMN)
  // A root that is not made yet steps to itself.
  if (state == 0) {
    for (let i: u32 = 0; i < width; i++) store<u32>(row + (<usize>i << 2), <u32>row)
    store<u32>(automaton + AUTOMATON_ROOT, <u32>row)
  }
  let child = load<i32>(firstChild + (<usize>state << 2))
  while (child > 0) {
    store<u32>(row + (<usize>load<u8>(column + <usize>child) << 2), (<u32>child << 2) | STEP_UNMADE)
    child = load<i32>(nextSibling + (<usize>child << 2))
  }
  store<u32>(rowEntry, <u32>row)
  return row
}

/** Makes the first row of an automaton. False where there is no room. */
export function begin(automaton: usize): bool {
  return makeRow(automaton, 0) != 0
}
