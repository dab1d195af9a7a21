export { createEnricher, type Enricher, enriching } from './enricher.ts'
