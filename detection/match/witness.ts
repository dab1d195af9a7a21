/** Something cheap to see that has to be there for a rule to match: a literal in a field, a field's whole value (by its key),
 * or the field itself. */
export type Witness =
  | {
      readonly kind: 'needle'
      readonly field: string
      readonly text: string
      readonly atStart: boolean
      readonly atEnd: boolean
    }
  | { readonly kind: 'value'; readonly field: string; readonly key: string }
  | { readonly kind: 'presence'; readonly field: string }

/** A witness and the number it is told by. */
export interface NumberedWitness {
  readonly witness: Witness
  readonly number: number
}

/** Witnesses of the same key show in the same events. */
export function keyOfWitness(witness: Witness): string {
  switch (witness.kind) {
    case 'presence':
      return `p${witness.field}`
    case 'value':
      return `v${witness.field}\n${witness.key}`
    case 'needle':
      return `${witness.atStart ? '^' : ''}${witness.atEnd ? '$' : ''}n${witness.field}\n${witness.text}`
  }
}
