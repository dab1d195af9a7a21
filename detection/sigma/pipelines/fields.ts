import { ANY_FIELD } from '../../match/expression.ts'
import type { CorrelationDraft, DraftItem, DraftValue } from '../draft.ts'
import { beginsOpen, endsOpen, MANY } from '../pattern.ts'
import { ofItems } from './over-items.ts'
import type { Params } from './params.ts'
import type { Run } from './pipeline.ts'
import { PipelineFailure, type Subject, type Transform } from './pipeline.ts'

/** The names that a field gets; undefined = it keeps its own. The field of keywords is undefined. */
type Naming = (field: string | undefined) => readonly string[] | undefined

/** Transformations of the names of fields.   @see pySigma, Transformations (field names) */
export const fieldTransformations = {
  field_name_mapping(params: Params): Transform {
    const mapping = readMapping(params)
    return renaming((field) => mapping.get(field))
  },
  field_name_prefix_mapping(params: Params): Transform {
    const mapping = [...readMapping(params)].flatMap(([prefix, names]) =>
      prefix === undefined ? [] : [{ prefix, names }],
    )
    return renaming((field) => {
      const found = field === undefined ? undefined : mapping.find(({ prefix }) => field.startsWith(prefix))
      return found?.names.map((name) => name + (field ?? '').slice(found.prefix.length))
    })
  },
  field_name_prefix(params: Params): Transform {
    const prefix = params.text('prefix')
    return renaming((field) => (field === undefined ? undefined : [prefix + field]))
  },
  field_name_suffix(params: Params): Transform {
    const suffix = params.text('suffix')
    return renaming((field) => (field === undefined ? undefined : [field + suffix]))
  },
  add_field(params: Params): Transform {
    const added = params.texts('field')
    return (subject) => ({ ...subject, listedFields: [...subject.listedFields, ...added] })
  },
  remove_field(params: Params): Transform {
    const removed = params.texts('field')
    return (subject) => ({ ...subject, listedFields: subject.listedFields.filter((field) => !removed.includes(field)) })
  },
  set_field(params: Params): Transform {
    const listedFields = params.texts('fields')
    return (subject) => ({ ...subject, listedFields })
  },
}

/** YAML's `null` as a key means keywords. */
const keywordKeys = new Set(['null', '~'])

function readMapping(params: Params): ReadonlyMap<string | undefined, readonly string[]> {
  return new Map(
    params
      .map('mapping')
      .map(({ key, value }) => [keywordKeys.has(key) ? undefined : key, params.textsOf(value, 'mapping')]),
  )
}

function renaming(naming: Naming): Transform {
  const renameItems = ofItems((item, run) => renameItem(item, naming, run))
  return (subject: Subject, run: Run): Subject => {
    const listedFields = subject.listedFields.flatMap((field) => namesOf(field, naming, run))
    if (subject.kind === 'correlation') return renameCorrelation({ ...subject, listedFields }, naming, run)
    return renameItems({ ...subject, listedFields }, run)
  }
}

/** The names of a field that stands for itself, outside of search identifiers. */
function namesOf(field: string, naming: Naming, run: Run): readonly string[] {
  const names = naming(field)
  if (!names || !run.isForField(field)) return [field]
  run.trackField(field, names)
  return names
}

function nameOf(field: string, where: string, naming: Naming, run: Run): string {
  const [name, ...more] = namesOf(field, naming, run)
  if (name === undefined || more.length > 0) {
    throw new PipelineFailure(`it gives the field \`${field}\` in the ${where} ${more.length + 1} names; one is needed`)
  }
  return name
}

function renameCorrelation(draft: CorrelationDraft, naming: Naming, run: Run): CorrelationDraft {
  const aliases = draft.aliases.map(({ alias, fields }) => ({
    alias,
    fields: fields.map(({ rule, field }) => ({ rule, field: nameOf(field, 'aliases', naming, run) })),
  }))
  const isAlias = (name: string) => aliases.some(({ alias }) => alias === name)
  return {
    ...draft,
    aliases,
    groupBy: draft.groupBy.flatMap((field) => (isAlias(field) ? [field] : namesOf(field, naming, run))),
    fields: draft.fields.map((field) => nameOf(field, 'condition', naming, run)),
  }
}

function renameItem(item: DraftItem, naming: Naming, run: Run) {
  const { values, refers } = renameReferences(item, naming, run)
  const field = item.field === ANY_FIELD ? undefined : item.field
  const names = naming(field)
  if (!names || !run.isForField(field)) return refers ? { ...item, values } : undefined
  run.fields.mapped(item.field, names)
  if (names.length === 0) throw new PipelineFailure(`it leaves the field \`${item.field}\` without a name`)
  run.spend(names.length * Math.max(1, values.length))
  const asked = field === undefined ? values.map(openKeyword) : values
  const [only, ...more] = names
  if (more.length === 0) return { ...item, values: asked, field: only ?? '' }
  return {
    kind: 'group' as const,
    link: 'or' as const,
    of: names.map((name): DraftItem => ({ ...item, values: asked, field: name, applied: new Set() })),
  }
}

function renameReferences(item: DraftItem, naming: Naming, run: Run) {
  let refers = false
  const values = item.values.flatMap((draft): readonly DraftValue[] => {
    const { value, at } = draft
    if (value.kind !== 'fieldRef' || !run.isForField(value.other)) return [draft]
    refers = true
    return namesOf(value.other, naming, run).map((other) => ({ value: { ...value, other }, at }))
  })
  return { values, refers }
}

/** A keyword is looked for inside of values; so is what becomes of it. */
function openKeyword(draft: DraftValue): DraftValue {
  const { value, at } = draft
  if (value.kind !== 'text') return draft
  const before = beginsOpen(value.pattern) ? [] : [MANY as typeof MANY]
  const after = endsOpen(value.pattern) ? [] : [MANY as typeof MANY]
  return { value: { ...value, pattern: [...before, ...value.pattern, ...after] }, at }
}
