import { Environment } from '@marcbachmann/cel-js'
import { EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX } from '../limits.ts'
import { addFunctions } from './functions.ts'
import { celName, type Fields, type Scope, type ValueType } from './value-type.ts'

const base = addFunctions(
  new Environment({
    enableOptionalTypes: true,
    // Playbooks compute JSON, whose lists and maps hold what they like.
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: EXPRESSION_NODES_MAX, maxDepth: EXPRESSION_DEPTH_MAX },
  }),
)

type Schema = { [name: string]: string | Schema }

/** What expressions are checked and evaluated in: the language, our functions, and the variables of `scope`. */
export function createEnvironment(scope: Scope): Environment {
  const env = base.clone()
  for (const [name, type] of Object.entries(scope)) {
    if (typeof type === 'object' && 'fields' in type) env.registerVariable({ name, schema: schemaOf(type.fields) })
    else env.registerVariable(name, celName(type))
  }
  return env
}

function schemaOf(fields: Fields): Schema {
  return Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, schemaType(type)]))
}

function schemaType(type: ValueType): string | Schema {
  return typeof type === 'object' && 'fields' in type ? schemaOf(type.fields) : celName(type)
}
