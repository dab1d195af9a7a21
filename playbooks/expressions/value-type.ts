/** What a value is to the type checker. */
export type ValueType =
  | 'string'
  | 'int'
  | 'double'
  | 'bool'
  | 'timestamp'
  | 'duration'
  | 'dyn'
  | { readonly list: ValueType }
  | { readonly map: ValueType }
  | { readonly fields: Fields }

export type Fields = { readonly [name: string]: ValueType }

/** The variables that an expression sees, by name. */
export type Scope = Fields

/** How the expression library spells a type. Objects are schemas and have no spelling of their own: as an element they
 * are `dyn`. */
export function celName(type: ValueType): string {
  if (type === 'timestamp') return 'google.protobuf.Timestamp'
  if (type === 'duration') return 'google.protobuf.Duration'
  if (typeof type === 'string') return type
  if ('list' in type) return `list<${celName(type.list)}>`
  if ('map' in type) return `map<string, ${celName(type.map)}>`
  return 'dyn'
}

/** The type in the words of a message. */
export function typeWords(type: ValueType): string {
  if (type === 'dyn') return 'anything'
  if (typeof type === 'string') return type
  if ('list' in type) return type.list === 'dyn' ? 'a list' : `a list of ${typeWords(type.list)}`
  if ('map' in type) return type.map === 'dyn' ? 'a map' : `a map of ${typeWords(type.map)}`
  return 'an object'
}

/** True when a value of the checked type `found` (as the library spells it) may stand where `wanted` is. What is only
 * known at run time (`dyn`) may stand anywhere and is checked then. */
export function isAssignable(found: string, wanted: ValueType): boolean {
  if (found === 'dyn' || found.startsWith('dyn<')) return true
  if (found.startsWith('optional') || found === 'type' || found === 'bytes') return false
  switch (wanted) {
    case 'dyn':
      return true
    case 'string':
      return found === 'string' || found === celName('timestamp') || found === celName('duration')
    case 'double':
      return found === 'double' || found === 'int'
    case 'int':
    case 'bool':
    case 'timestamp':
    case 'duration':
      return found === celName(wanted)
  }
  if ('list' in wanted) return isList(found, wanted.list)
  return found === 'map' || found.startsWith('map<') || found.startsWith('$')
}

function isList(found: string, element: ValueType): boolean {
  if (found === 'list') return true
  const match = /^list<(.*)>$/.exec(found)
  return match?.[1] !== undefined && isAssignable(match[1], element)
}
