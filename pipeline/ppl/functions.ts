import { conditionForms } from './functions/conditions.ts'
import type { FunctionForm } from './functions/form.ts'
import { numberForms } from './functions/numbers.ts'
import { textForms } from './functions/texts.ts'
import { timeForms } from './functions/times.ts'

/** Every function and operator of expressions, by its name in lower case. */
export const functions: ReadonlyMap<string, FunctionForm> = new Map([
  ...conditionForms,
  ...numberForms,
  ...textForms,
  ...timeForms,
])
