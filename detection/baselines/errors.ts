import { defineErrors } from '../../platform/base/index.ts'

export const baselineError = defineErrors({
  'detection.baseline.stateUnreadable': { status: 500, title: 'State of a baseline unreadable' },
  'detection.baseline.seriesUnreadable': { status: 400, title: 'Not a series of timestamp and value' },
  'detection.baseline.notFound': { status: 404, title: 'No such baseline' },
  'detection.baseline.entityUnknown': { status: 404, title: 'The baseline does not know the entity' },
  'detection.baseline.notItsAlert': { status: 422, title: 'The alert is of something else' },
  'detection.baseline.notFalse': { status: 409, title: 'The alert is not judged false' },
  'detection.baseline.untilUnreadable': { status: 400, title: 'Not a time' },
  'detection.baseline.unknownModel': { status: 400, title: 'No such model' },
})
