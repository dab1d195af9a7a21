import { defineErrors } from '../platform/index.ts'

export const detectionError = defineErrors({
  'detection.state.unreadable': { status: 500, title: 'State of detection unreadable' },
  'detection.hunt.busy': { status: 503, title: 'Too many hunts at once' },
  'detection.hunt.failed': { status: 500, title: 'The hunt broke off' },
  'detection.rule.notFound': { status: 404, title: 'No such rule' },
  'detection.rule.refused': { status: 422, title: 'The rule cannot be used' },
  'detection.rule.otherId': { status: 422, title: 'The rule has another id than its path' },
  'detection.rule.tooLarge': { status: 413, title: 'The rule is too large' },
  'detection.rule.inUse': { status: 409, title: 'A correlation builds on the rule' },
  'detection.rule.tooMany': { status: 409, title: 'Too many rules' },
  'detection.rule.badRun': { status: 422, title: 'A rule is not run so' },
  'detection.backtest.busy': { status: 429, title: 'Too many back-tests at a time' },
  'detection.backtest.failed': { status: 422, title: 'The back-test broke off' },
  'detection.backtest.notAllowed': { status: 403, title: 'A back-test reads events' },
  'detection.exclusion.notFound': { status: 404, title: 'No such exclusion' },
  'detection.exclusion.refused': { status: 422, title: 'The exclusion cannot be used' },
  'detection.exclusion.tooMany': { status: 409, title: 'Too many exclusions' },
  'detection.sync.refused': { status: 422, title: 'The folder cannot be used' },
  'detection.sync.notOwned': { status: 409, title: 'A rule does not belong to the folder' },
  'detection.import.unreadable': { status: 400, title: 'Not an archive' },
  'detection.import.tooLarge': { status: 413, title: 'The archive is too large' },
})
