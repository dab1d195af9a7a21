import type { Draft, DraftItem } from '../draft.ts'
import type { Value } from '../value.ts'
import type { Run, Subject } from './pipeline.ts'

/** The draft with every item that the step in hand is for replaced by what `change` makes of it; undefined = as it is. */
function overItems(draft: Draft, run: Run, change: (item: DraftItem) => Draft | undefined): Draft {
  switch (draft.kind) {
    case 'broken':
      return draft
    case 'group':
      return { ...draft, of: draft.of.map((part) => overItems(part, run, change)) }
    case 'item': {
      if (!run.isForItem(draft)) return draft
      const changed = change(draft)
      return changed ? run.marked(changed) : draft
    }
  }
}

/** Lifts a change of items to a transformation of rules; correlations stay as they are. */
export function ofItems(change: (item: DraftItem, run: Run) => Draft | undefined) {
  return (subject: Subject, run: Run): Subject => {
    if (subject.kind !== 'rule') return subject
    const identifiers = new Map<string, Draft>()
    for (const [name, draft] of subject.identifiers) {
      identifiers.set(
        name,
        overItems(draft, run, (item) => change(item, run)),
      )
    }
    return { ...subject, identifiers }
  }
}

/** Lifts a change of single values: undefined = as it is, none = gone. */
export function ofValues(change: (value: Value, run: Run, item: DraftItem) => readonly Value[] | undefined) {
  return ofItems((item, run) => {
    let changes = false
    const values = item.values.flatMap(({ value, at }) => {
      const changed = change(value, run, item)
      if (changed) changes = true
      run.spend(changed?.length ?? 1)
      return (changed ?? [value]).map((one) => ({ value: one, at }))
    })
    return changes ? { ...item, values } : undefined
  })
}
