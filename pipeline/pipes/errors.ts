import { defineErrors } from '../../platform/index.ts'

export const pipeError = defineErrors({
  'pipeline.workspace.notFound': { status: 404, title: 'No such workspace' },
  'pipeline.dataspace.notFound': { status: 404, title: 'No such dataspace' },
  'pipeline.pipe.notFound': { status: 404, title: 'No such pipe' },
  'pipeline.pipe.reserved': { status: 409, title: 'The platform keeps this pipe' },
  'pipeline.pipe.typeChanged': { status: 409, title: 'A declared type stays' },
  'pipeline.pipe.tooMany': { status: 422, title: 'Too many' },
})
