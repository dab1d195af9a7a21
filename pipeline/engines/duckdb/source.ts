import { matchesPattern, type SourceCatalogue, type SourcePipe } from '../../ppl/index.ts'
import type { FieldType, PipeAddress, SearchRequest } from '../../types.ts'
import { type Catalogue, FORM_FIELD, fieldType, type Pipe, pipeKey } from './catalogue.ts'
import { shownAfter, shownBefore, structNames, typeInPipe } from './sql-field.ts'

const defaultDataspace = 'default'

/** The pipes of a workspace, as a query names them: `pipe` in the default dataspace, or `dataspace.pipe`. Those hidden
 * from the caller are not there, whichever way they are named. */
export function sourceCatalogue(
  catalogue: Catalogue,
  request: Pick<SearchRequest, 'account' | 'workspace' | 'hidden'>,
): SourceCatalogue {
  const { account, workspace, hidden = [] } = request
  const isHidden = ({ dataspace, pipe }: PipeAddress) =>
    hidden.some((each) => each.dataspace === dataspace && each.pipe === pipe)
  const visible = (): Pipe[] =>
    [...catalogue.values()].filter(
      ({ address }) => address.account === account && address.workspace === workspace && !isHidden(address),
    )
  return {
    find: (name) => {
      const dot = name.indexOf('.')
      const dataspace = dot < 0 ? defaultDataspace : name.slice(0, dot)
      const pipe = dot < 0 ? name : name.slice(dot + 1)
      if (!name.includes('*')) {
        const found = catalogue.get(pipeKey({ account, workspace, dataspace, pipe }))
        return found && !isHidden(found.address) ? [sourcePipe(found)] : []
      }
      return visible()
        .filter(({ address }) => matchesPattern(address.dataspace, dataspace) && matchesPattern(address.pipe, pipe))
        .sort((a, b) => a.id - b.id)
        .map(sourcePipe)
    },
    names: () => visible().map(({ address }) => shownName(address)),
  }
}

function shownName({ dataspace, pipe }: PipeAddress): string {
  return dataspace === defaultDataspace ? pipe : `${dataspace}.${pipe}`
}

function sourcePipe(pipe: Pipe): SourcePipe {
  return {
    key: pipeKey(pipe.address),
    name: shownName(pipe.address),
    fields: () => {
      const names = new Set<string>(shownBefore)
      for (const [name, field] of pipe.fields) {
        if (name !== FORM_FIELD && fieldType(field) !== undefined) names.add(name)
      }
      if (pipe.hasRest) names.add('_rest')
      for (const name of shownAfter) names.add(name)
      return [...names].flatMap((name) => {
        const type = typeInPipe(pipe, name)
        return type === undefined ? [] : [typed(name, type)]
      })
    },
    structs: () => [...structNames(pipe)],
    type: (name) => typeInPipe(pipe, name),
  }
}

function typed(name: string, type: FieldType): { readonly name: string; readonly type: FieldType } {
  return { name, type }
}
