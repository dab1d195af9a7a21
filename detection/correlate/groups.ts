import { CLOCK_SKEW_MS, SPILLED_AT_ONCE, SPILLED_OF } from '../limits.ts'
import { CorrelationBudget, type Spender } from './budget.ts'
import { Checkpoints } from './checkpoints.ts'
import { COLD_PARTITIONS } from './cold-index.ts'
import { Compaction } from './compaction.ts'
import { type Checkpoint, GroupDisk } from './group-disk.ts'
import { type GroupTable, makeTable } from './group-table.ts'
import { type Pace, usualPace } from './pace.ts'
import type { ResolvedCorrelation } from './resolve.ts'
import { nodeStateDisk, type StateDisk } from './state-disk.ts'
import { Window } from './window.ts'

/** Where groups are kept, and how many there may be. */
export interface GroupsOptions {
  /** How late an event may come into the window of its group, ms. */
  readonly latenessMs: number
  /** Shared with others; its own by default. */
  readonly budget?: CorrelationBudget
  /** Folder of their own, for groups out of memory and for checkpoints. Without one, groups beyond the budget are dropped,
   * and nothing outlasts the process. */
  readonly dir?: string
  /** How the disk is used, and which one; for tests. */
  readonly pace?: Pace
  readonly files?: StateDisk
  /** What they were at, or the offset of the first event that will come. */
  readonly from?: Checkpoint | number
}

interface OnDisk {
  readonly disk: GroupDisk
  readonly checkpoints: Checkpoints
  readonly compaction: Compaction
}

/** The groups of all correlations of a shard: in memory as far as the budget reaches, those quiet longest on the disk. What
 * they say does not depend on where they are. */
export class Groups implements Spender {
  readonly #tables = new Map<number, GroupTable>()
  readonly #latenessMs: number
  readonly #budget: CorrelationBudget
  readonly #onDisk: OnDisk | undefined
  /** Of the checkpoint they are taken up from: a table is made when its correlation asks for it. */
  readonly #known: Map<string, number>
  #nextTable: number
  #memoryBytes = 0
  #hotGroups = 0
  /** When the latest event arrived, ms. */
  #now = Number.NEGATIVE_INFINITY
  #walk: Iterator<readonly [GroupTable, Window]> | undefined
  #evictedGroups = 0
  /** Tables of the index that still have to be purged. */
  #purge = 0

  /** @param correlations the groups of which a checkpoint's are taken up; those of others are let go */
  constructor(options: GroupsOptions, correlations: readonly ResolvedCorrelation[]) {
    const { latenessMs, budget = new CorrelationBudget(), dir, from = 0 } = options
    this.#latenessMs = latenessMs
    this.#budget = budget
    const checkpoint = typeof from === 'number' ? undefined : from
    this.#known = new Map(checkpoint?.tables.map(([number, id, fingerprint]) => [`${id} ${fingerprint}`, number]))
    this.#nextTable = checkpoint?.nextTable ?? 1
    for (const resolved of correlations) this.tableOf(resolved)
    this.#known.clear()
    if (dir !== undefined) this.#onDisk = this.#open(dir, options)
    budget.add(this)
  }

  #open(dir: string, { from = 0, pace = usualPace, files = nodeStateDisk }: GroupsOptions): OnDisk {
    const tableOf = (number: number) => this.#tables.get(number)
    const disk = new GroupDisk({
      dir,
      segmentBytes: pace.segmentBytes,
      files,
      from: typeof from === 'number' ? undefined : from,
      tableOf,
    })
    const checkpoints = new Checkpoints(disk, {
      pace,
      extras: () => ({
        tables: [...this.#tables.values()].map(({ number, id, fingerprint }) => [number, id, fingerprint]),
        nextTable: this.#nextTable,
      }),
      complete: from,
    })
    return {
      disk,
      checkpoints,
      compaction: new Compaction(disk, {
        tableOf,
        overBefore: (table) => this.#overBefore(table),
        sliceBytes: pace.compactionBytes,
      }),
    }
  }

  get memoryBytes(): number {
    return this.#memoryBytes
  }

  get diskBytes(): number {
    return this.#onDisk?.disk.segments.bytes ?? 0
  }

  get writtenBytes(): number {
    return this.#onDisk?.disk.segments.written ?? 0
  }

  get coldGroups(): number {
    return this.#onDisk?.disk.index.size ?? 0
  }

  get size(): number {
    return this.#hotGroups + this.coldGroups
  }

  /** Groups dropped for want of room. */
  get evictedGroups(): number {
    return this.#evictedGroups
  }

  /** Groups whose records were damaged; of a stretch that is damaged, and of a segment that is missing, one is counted. */
  get lostGroups(): number {
    return this.#onDisk?.disk.lostGroups ?? 0
  }

  /** The groups of a correlation, which are the same for the same definition. */
  tableOf(resolved: ResolvedCorrelation): GroupTable {
    const { id } = resolved.correlation.head
    for (const table of this.#tables.values()) {
      if (table.id === id && table.fingerprint === resolved.fingerprint) return table
    }
    const number = this.#known.get(`${id} ${resolved.fingerprint}`) ?? this.#nextTable++
    const table = makeTable(number, resolved, this.#latenessMs)
    this.#tables.set(number, table)
    return table
  }

  /** Lets all others go. */
  retain(tables: ReadonlySet<GroupTable>): void {
    for (const table of this.#tables.values()) {
      if (tables.has(table)) continue
      // No checkpoint has to say anything of them: it does not name their table.
      for (const window of table.hot.values()) {
        window.changedIn = 0
        this.#leaveMemory(table, window)
      }
      this.#tables.delete(table.number)
    }
    this.#walk = undefined
  }

  /** The group of a key, new when there is none or when nothing came to it for longer than it is retained. It is
   * in memory until the next event begins. */
  take(table: GroupTable, key: string, arrivedAt: number): Window {
    const disk = this.#onDisk?.disk
    let window = table.hot.get(key)
    let isHot = window !== undefined
    window ??= disk?.recall(table, key)
    if (!window) window = new Window(key, table.shape)
    else if (window.arrivedAt < arrivedAt - table.retainMs) {
      if (isHot) this.#letGo(table, window)
      isHot = false
      const { location } = window
      window = new Window(key, table.shape)
      // Its first record takes the place of the last one of the group that is over.
      window.location = location
    }
    if (!isHot) this.#enterMemory(table, window, arrivedAt)
    return window
  }

  /** Takes in a group that was kept elsewhere. */
  put(table: GroupTable, window: Window): void {
    this.touch(table, window)
    this.#enterMemory(table, window, window.arrivedAt)
    this.begin(window.arrivedAt)
  }

  /** To be called before a group changes. */
  touch(table: GroupTable, window: Window): void {
    this.#onDisk?.disk.touch(table, window)
  }

  /** A group has grown or shrunk by so many bytes. */
  spend(bytes: number): void {
    this.#memoryBytes += bytes
    this.#budget.memoryBytes += bytes
  }

  /** To be called before an event is seen: what it is about to use stays in memory until the next. */
  begin(arrivedAt: number): void {
    if (arrivedAt > this.#now) this.#now = arrivedAt
    this.#budget.makeRoom()
  }

  /** Looks at a few groups and lets go of those whose time is over, unless there are none. */
  sweep(table: GroupTable): void {
    const before = this.#overBefore(table)
    if (table.quietSince >= before) return
    for (let i = 0; i < 2; i++) {
      table.sweep ??= table.hot.values()
      const next = table.sweep.next()
      if (next.done) {
        table.sweep = undefined
        table.quietSince = table.quietSeen
        table.quietSeen = Number.POSITIVE_INFINITY
        return
      }
      const window = next.value
      if (window.arrivedAt >= before) {
        if (window.arrivedAt < table.quietSeen) table.quietSeen = window.arrivedAt
        continue
      }
      this.#letGo(table, window)
      if (window.location !== 0) this.#onDisk?.disk.release(table, window.location)
    }
  }

  spill(): boolean {
    const candidates: (readonly [GroupTable, Window])[] = []
    while (candidates.length < SPILLED_OF) {
      this.#walk ??= this.#hot()
      const next = this.#walk.next()
      if (!next.done) candidates.push(next.value)
      else {
        this.#walk = undefined
        break
      }
    }
    if (candidates.length === 0) return this.#hotGroups > 0
    candidates.sort(([, left], [, right]) => left.arrivedAt - right.arrivedAt)
    // Of a few candidates, as few in proportion: the quietest of a quarter would else be all there is.
    const count = Math.ceil((candidates.length * SPILLED_AT_ONCE) / SPILLED_OF)
    for (const [table, window] of candidates.slice(0, count)) {
      if (this.#onDisk) this.#onDisk.disk.putAway(table, window)
      else this.#evictedGroups++
      this.#leaveMemory(table, window)
    }
    return true
  }

  drop(): void {
    this.#evictedGroups += this.#onDisk?.compaction.drop() ?? 0
  }

  /** Does a slice of what there is to do on the disk: to be called between batches.
   * @throws detection.state.notWritten */
  tend(): void {
    if (!this.#onDisk) return
    const { disk, checkpoints, compaction } = this.#onDisk
    this.#budget.makeRoom()
    this.#budget.makeRoomOnDisk()
    if (checkpoints.isUnderWay) checkpoints.advance()
    else compaction.advance()
    if (this.#purge > 0) disk.index.purge(--this.#purge)
  }

  /** Begins a checkpoint before the event at `offset`, unless one is under way.
   * @returns the last one that is complete; undefined without a folder
   * @throws detection.state.notWritten */
  keep(offset: number): Checkpoint | undefined {
    if (!this.#onDisk) return undefined
    const { disk, checkpoints } = this.#onDisk
    if (!checkpoints.isUnderWay) {
      const overBefore = (table: GroupTable) => this.#overBefore(table)
      if (disk.retireOver((number) => this.#tables.get(number), overBefore)) this.#purge = COLD_PARTITIONS
    }
    return checkpoints.keep(offset)
  }

  /** As `keep`, complete at once: it may take a while.   @throws detection.state.notWritten */
  keepNow(offset: number): void {
    this.#onDisk?.checkpoints.keepNow(offset)
  }

  close(): void {
    this.#budget.remove(this)
    this.#onDisk?.disk.close()
  }

  /** Somewhat later than an event would say so itself: those of several senders do not arrive in perfect order. */
  #overBefore(table: GroupTable): number {
    return this.#now - table.retainMs - CLOCK_SKEW_MS
  }

  /** @param arrivedAt when it was last heard of, or is about to be */
  #enterMemory(table: GroupTable, window: Window, arrivedAt: number): void {
    table.hot.set(window.key, window)
    if (arrivedAt < table.quietSince) table.quietSince = arrivedAt
    this.#hotGroups++
    this.spend(window.bytes)
  }

  /** Lets go of a group whose time is over. What changed since the checkpoint under way began need not be written: no event
   * before its end is still to come. But the events from that checkpoint on come again after a crash. */
  #letGo(table: GroupTable, window: Window): void {
    this.#onDisk?.disk.preserve(table, window)
    window.changedIn = 0
    this.#leaveMemory(table, window)
  }

  #leaveMemory(table: GroupTable, window: Window): void {
    table.hot.delete(window.key)
    this.#hotGroups--
    this.spend(-window.bytes)
  }

  *#hot(): Generator<readonly [GroupTable, Window]> {
    for (const table of this.#tables.values()) for (const window of table.hot.values()) yield [table, window]
  }
}
