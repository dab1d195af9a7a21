import { PARSE_LIMITS } from '../limits.ts'

/** Why a record was not understood whole, for the person who looks at it. The code is stable. */
export const parseProblems = {
  'record.tooLarge': `longer than ${PARSE_LIMITS.recordBytesMax} bytes`,
  'record.notUtf8': 'the bytes are not UTF-8; each was read as one character',
  'json.malformed': 'not JSON',
  'json.notObject': 'JSON, but not an object',
  'json.tooDeep': `nested more than ${PARSE_LIMITS.depthMax} deep`,
  'json.tooManyMembers': `more than ${PARSE_LIMITS.membersMax} members`,
  'csv.noColumns': 'a row without a header',
  'csv.columnsDiffer': 'more or fewer fields than the header',
  'cef.tooManyMembers': `more than ${PARSE_LIMITS.columnsMax} members`,
  'leef.tooManyMembers': `more than ${PARSE_LIMITS.columnsMax} members`,
  'audit.tooManyMembers': `more than ${PARSE_LIMITS.columnsMax} members`,
  'parser.failed': 'the parser failed; please report the record',
} as const

export type ParseProblem = keyof typeof parseProblems
