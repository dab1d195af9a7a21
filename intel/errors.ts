import { defineErrors } from '../platform/index.ts'

export const intelError = defineErrors({
  'intel.indicator.notFound': { status: 404, title: 'No such indicator' },
  'intel.indicator.refused': { status: 422, title: 'Not an indicator' },
  'intel.indicator.otherId': { status: 422, title: 'The indicator has another id than its path' },
  'intel.feed.notFound': { status: 404, title: 'No such feed' },
  'intel.feed.invalid': { status: 422, title: 'Not a feed' },
  'intel.feed.tooMany': { status: 409, title: 'Too many feeds' },
  'intel.feed.notAllowed': { status: 403, title: 'The feed may not be connected to' },
  'intel.feed.unreachable': { status: 502, title: 'The feed cannot be reached' },
  'intel.feed.wrongAnswer': { status: 502, title: 'The feed answers something else' },
  'intel.feed.later': { status: 503, title: 'The feed asks to be left alone for now' },
  'intel.taxii.notAcceptable': { status: 406, title: 'Not a media type of TAXII 2.1' },
  'intel.taxii.wrongMediaType': { status: 415, title: 'Not a media type of TAXII 2.1' },
  'intel.taxii.notFound': { status: 404, title: 'No such thing' },
  'intel.taxii.readOnly': { status: 403, title: 'The collection takes no objects' },
  'intel.taxii.malformed': { status: 400, title: 'Malformed request' },
  'intel.taxii.invalid': { status: 422, title: 'Not an envelope of objects' },
  'intel.import.unreadable': { status: 400, title: 'Not a form of indicators that is known' },
  'intel.import.tooMany': { status: 409, title: 'Too many STIX objects' },
  'intel.import.tooLarge': { status: 413, title: 'The import is too large' },
  'intel.indicator.tooMany': { status: 409, title: 'Too many indicators' },
})
