/** Which fields the steps of a pipeline gave other names, and which steps did. */
export class FieldTrack {
  readonly #steps = new Map<string, ReadonlySet<string>>()
  readonly #sources = new Set<string>()
  readonly #targets = new Set<string>()

  /** A field of the document (in its list of fields, or one that a value refers to) has new names. */
  renamed(field: string, names: readonly string[], step: string | undefined): void {
    if (names.length === 1 && names[0] === field) return
    const steps = new Set(this.#steps.get(field))
    if (step !== undefined) steps.add(step)
    this.#steps.delete(field)
    for (const name of names) this.#steps.set(name, steps)
  }

  /** Whether that step gave the field its name. */
  wasRenamedBy(field: string, step: string): boolean {
    return this.#steps.get(field)?.has(step) ?? false
  }

  /** A search identifier's field was mapped. */
  mapped(field: string, names: readonly string[]): void {
    this.#targets.delete(field)
    this.#sources.add(field)
    for (const name of names) this.#targets.add(name)
  }

  /** Whether any step mapped the field, or something to it. */
  isMapped(field: string): boolean {
    return this.#sources.has(field) || this.#targets.has(field)
  }

  takeOver(other: FieldTrack): void {
    for (const [field, steps] of other.#steps) this.#steps.set(field, steps)
    for (const field of other.#sources) this.#sources.add(field)
    for (const field of other.#targets) this.#targets.add(field)
  }
}
