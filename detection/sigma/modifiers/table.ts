import { overVariants, type ValueModifier } from '../value.ts'
import { encodingModifiers } from './encoding.ts'
import { expandModifiers } from './expand.ts'
import { fieldModifiers } from './field.ts'
import { networkModifiers } from './network.ts'
import { numberModifiers } from './number.ts'
import { positionModifiers } from './position.ts'
import { regexModifiers } from './regex.ts'
import { timeModifiers } from './time.ts'
import { windashModifiers } from './windash.ts'

/** Modifiers of single values, by the name a rule uses. `all` and `neq` change the item and are not here. */
export const valueModifiers: ReadonlyMap<string, ValueModifier> = new Map(
  Object.entries({
    ...positionModifiers,
    ...fieldModifiers,
    ...encodingModifiers,
    ...regexModifiers,
    ...numberModifiers,
    ...timeModifiers,
    ...networkModifiers,
    ...windashModifiers,
    ...expandModifiers,
  }).map(([name, modifier]) => [name, overVariants(modifier)]),
)

/** Modifiers of the whole item: all values instead of any, and none of them. */
export const itemModifiers: ReadonlySet<string> = new Set(['all', 'neq'])
