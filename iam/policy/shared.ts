/** Values made once for each text and shared while anybody holds them: thousands of policies say the same few things,
 * and what is shared stays in the processor's cache. */
export class Shared<Value extends object> {
  readonly #held = new Map<string, WeakRef<Value>>()
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#held.get(key)?.deref() === undefined) this.#held.delete(key)
  })

  /** @param make is called where no equal value is held; what it throws is thrown */
  get(key: string, make: () => Value): Value {
    const held = this.#held.get(key)?.deref()
    if (held) return held
    const made = make()
    this.#held.set(key, new WeakRef(made))
    this.#gone.register(made, key)
    return made
  }
}
