import { defineErrors } from '../base/errors.ts'

export const jobError = defineErrors({
  'platform.job.notFound': { status: 404, title: 'No such job' },
  'platform.job.ended': { status: 409, title: 'The job has ended' },
  'platform.job.leaseLost': { status: 409, title: 'Another process runs the job' },
  'platform.job.tooLarge': { status: 413, title: 'Too large for a job' },
  'platform.job.tooMany': { status: 429, title: 'Too many jobs' },
  'platform.job.internal': { status: 500, title: 'The job failed' },
  'platform.job.gaveUp': { status: 500, title: 'The job was begun too often' },
  'platform.job.timeout': { status: 504, title: 'The job took too long' },
})
