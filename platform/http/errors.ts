import { defineErrors } from '../base/errors.ts'

export const httpError = defineErrors({
  'platform.http.malformed': { status: 400, title: 'Malformed request' },
  'platform.http.unauthenticated': { status: 401, title: 'Who are you?' },
  'platform.http.forbidden': { status: 403, title: 'Not allowed' },
  'platform.http.notFound': { status: 404, title: 'Not found' },
  'platform.http.changed': { status: 412, title: 'Changed since' },
  'platform.http.noSuchSnapshot': { status: 412, title: 'No such snapshot yet' },
  'platform.http.tooLarge': { status: 413, title: 'Too large' },
  'platform.http.unsupportedMediaType': { status: 415, title: 'Unsupported media type' },
  'platform.http.invalid': { status: 422, title: 'Well-formed but wrong' },
  'platform.http.cannotListen': { status: 500, title: 'The API cannot listen' },
  'platform.http.internal': { status: 500, title: 'Internal error' },
})
