import type { PlanColumn, Typed } from '../../ppl/index.ts'
import type { Parameters } from './sql-parameters.ts'
import { sqlPrimitives } from './sql-primitives.ts'
import { sqlCast, sqlTypeOf } from './sql-types.ts'

/** The name of a plan's column in SQL. */
export function columnSql(column: PlanColumn): string {
  return `x${column.id}`
}

/** A checked expression as SQL. */
export function expressionSql(expression: Typed, parameters: Parameters): string {
  switch (expression.kind) {
    case 'column':
      return columnSql(expression.column)
    case 'literal':
      return literalSql(expression, parameters)
    case 'cast':
      return sqlCast(expressionSql(expression.input, parameters), expression.input.type, expression.type)
    case 'call': {
      // The name of a part is no value.
      const values = expression.name === 'datePart' ? expression.args.slice(1) : expression.args
      const args = values.map((arg) => expressionSql(arg, parameters))
      return sqlPrimitives[expression.name](args, expression)
    }
    case 'interval':
      throw new Error('an interval is resolved where it is added')
  }
}

function literalSql({ value, type }: Extract<Typed, { kind: 'literal' }>, parameters: Parameters): string {
  if (value === null) return `CAST(NULL AS ${sqlTypeOf(type)})`
  switch (sqlTypeOf(type)) {
    case 'BOOLEAN':
      return value === true ? 'true' : 'false'
    case 'BIGINT':
      return parameters.whole(BigInt(value))
    case 'DOUBLE':
      return parameters.real(Number(value))
    case 'TIMESTAMP':
      return `make_timestamp(${parameters.whole(BigInt(value))})`
    case 'DATE':
      return `CAST(${parameters.text(String(value))} AS DATE)`
    case 'TIME':
      return `CAST(${parameters.text(String(value))} AS TIME)`
    default:
      return parameters.text(String(value))
  }
}
