import { rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { nodeStateDisk, type StateDisk } from './state-disk.ts'

/** What happens at a call to the disk: it fails, a write having done a part of its work; or a write does a part and says so. */
export type Fault = 'EIO' | 'ENOSPC' | 'short'

/** Of a write of so few no part is done alone: they nearly always lie in one sector. */
const WHOLE_BYTES = 8

/** A write, or with no bytes a new length. */
interface Change {
  readonly at: number
  readonly bytes: Uint8Array | undefined
}

interface File {
  /** What a power cut leaves for certain. */
  durable: Buffer
  /** What was done since the last sync, whether that failed or not. */
  changes: Change[]
}

/** A real disk that fails where the test says, and that can lose power: a test double for hardware, not for our own parts.
 * What a failed sync should have written stays readable and is written by no later sync, as on Linux.
 * @see Rebello and others: Can applications recover from fsync failures? (2020) */
export class FaultyStateDisk implements StateDisk {
  readonly #nextFault: () => Fault | undefined
  readonly #random: () => number
  readonly #open = new Map<number, File>()
  #names = new Map<string, File>()
  #durableNames = new Map<string, File>()

  /** @param nextFault what happens at this call, asked at each that changes something
   * @param random 0..1, for how much of a write is done and what a power cut leaves */
  constructor(nextFault: () => Fault | undefined, random: () => number) {
    this.#nextFault = nextFault
    this.#random = random
  }

  list = nodeStateDisk.list
  read = nodeStateDisk.read
  close = nodeStateDisk.close

  makeDir = (path: string): string | undefined => this.#do(() => nodeStateDisk.makeDir(path))

  syncDir = (path: string): void =>
    this.#do(() => {
      for (const name of this.#durableNames.keys()) if (dirname(name) === path) this.#durableNames.delete(name)
      for (const [name, file] of this.#names) if (dirname(name) === path) this.#durableNames.set(name, file)
    })

  remove = (path: string): void =>
    this.#do(() => {
      nodeStateDisk.remove(path)
      this.#names.delete(path)
    })

  open = (path: string): number =>
    this.#do(() => {
      const number = nodeStateDisk.open(path)
      const file = this.#names.get(path) ?? { durable: Buffer.alloc(0), changes: [] }
      this.#names.set(path, file)
      this.#open.set(number, file)
      return number
    })

  write = (number: number, bytes: Uint8Array, position: number): number => {
    const fault = this.#nextFault()
    const done = bytes.length <= WHOLE_BYTES ? bytes.length : Math.ceil(this.#random() * bytes.length)
    const part = fault === undefined ? bytes : bytes.subarray(0, done)
    nodeStateDisk.write(number, part, position)
    this.#changed(number, { at: position, bytes: Uint8Array.from(part) })
    if (fault !== undefined && fault !== 'short') throw failure(fault)
    return part.length
  }

  truncate = (number: number, length: number): void =>
    this.#do(() => {
      nodeStateDisk.truncate(number, length)
      this.#changed(number, { at: length, bytes: undefined })
    })

  sync = (number: number): void => {
    const file = this.#open.get(number) as File
    const { changes } = file
    file.changes = []
    this.#do(() => {
      file.durable = withChanges(file.durable, changes)
    })
  }

  syncLater = async (number: number): Promise<void> => {
    await new Promise(setImmediate)
    this.sync(number)
  }

  /** Nothing may be open. Of what was not synced some is there, some not, each write and each name for itself. */
  cutPower(): void {
    for (const name of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
      const file = (this.#random() < 0.5 ? this.#names : this.#durableNames).get(name)
      rmSync(name, { force: true })
      if (!file) {
        this.#names.delete(name)
        continue
      }
      const left = file.changes.filter(() => this.#random() < 0.5)
      this.#names.set(name, { durable: withChanges(file.durable, left), changes: [] })
      writeFileSync(name, this.#names.get(name)?.durable as Buffer)
    }
    this.#durableNames = new Map(this.#names)
  }

  #changed(number: number, change: Change): void {
    this.#open.get(number)?.changes.push(change)
  }

  #do<Value>(work: () => Value): Value {
    const fault = this.#nextFault()
    if (fault !== undefined && fault !== 'short') throw failure(fault)
    return work()
  }
}

function withChanges(bytes: Buffer, changes: readonly Change[]): Buffer {
  let result = bytes
  for (const { at, bytes: written } of changes) {
    const length = written ? Math.max(result.length, at + written.length) : at
    const next = Buffer.alloc(length)
    result.copy(next)
    if (written) next.set(written, at)
    result = next
  }
  return result
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}
