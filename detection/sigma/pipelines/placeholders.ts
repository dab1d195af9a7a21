import { PLACEHOLDER_VARIANTS_MAX } from '../../limits.ts'
import { fillPlaceholders, MANY, type Pattern, parsePattern, placeholderIn } from '../pattern.ts'
import { ofValues } from './over-items.ts'
import type { Params } from './params.ts'
import type { Run } from './pipeline.ts'
import { PipelineFailure, type Transform } from './pipeline.ts'

/** Transformations of the placeholders that `expand` marked.   @see pySigma, Transformations (placeholders) */
export const placeholderTransformations = {
  value_placeholders(params: Params): Transform {
    const handles = readHandled(params)
    return filling((name, run) => {
      if (!handles(name)) return undefined
      const values = run.vars.get(name)
      if (!values) throw new PipelineFailure(`\`vars\` has no \`${name}\`, which the rule names as %${name}%`)
      return values
    })
  },
  wildcard_placeholders(params: Params): Transform {
    const handles = readHandled(params)
    return filling((name) => (handles(name) ? 'anything' : undefined))
  },
  query_expression_placeholders(params: Params): Transform {
    const handles = readHandled(params)
    params.optionalText('expression')
    params.entry('mapping')
    return ofValues((value) => {
      const name = value.kind === 'text' ? placeholderIn(value.pattern) : undefined
      if (name === undefined || !handles(name)) return undefined
      throw new PipelineFailure(
        `%${name}% would become an expression of a query language, and there is no query here; give it values with \`value_placeholders\``,
      )
    })
  },
}

function readHandled(params: Params): (name: string) => boolean {
  const include = params.optionalTexts('include')
  const exclude = params.optionalTexts('exclude')
  if (include && exclude) params.reporter.error(params.node.at, 'give `include` or `exclude`, not both')
  return (name) => (include ? include.includes(name) : !(exclude?.includes(name) ?? false))
}

/** What a placeholder stands for; undefined = another step's business. */
type Filling = (name: string, run: Run) => readonly string[] | 'anything' | undefined

function filling(valuesOf: Filling): Transform {
  return ofValues((value, run) => {
    if ((value.kind !== 'text' && value.kind !== 'regex') || placeholderIn(value.pattern) === undefined)
      return undefined
    const read = value.kind === 'text' ? parsePattern : (text: string): Pattern => [text]
    const anything: Pattern = value.kind === 'text' ? [MANY] : ['.*']
    const variants = fillPlaceholders(value.pattern, (name) => {
      const values = valuesOf(name, run)
      return values === 'anything' ? [anything] : values?.map(read)
    })
    if (!variants) throw new PipelineFailure(`it makes more than ${PLACEHOLDER_VARIANTS_MAX} values of one`)
    return variants.map((pattern) => ({ ...value, pattern }))
  })
}
