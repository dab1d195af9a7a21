import type { ExactType, Indicator } from '../types.ts'
import { tlps } from '../types.ts'
import { formatMicros } from './object.ts'
import { tlpMarking } from './tlp.ts'

const HASH_NAMES: Readonly<Partial<Record<ExactType, string>>> = {
  md5: 'MD5',
  sha1: 'SHA-1',
  sha256: 'SHA-256',
  sha512: 'SHA-512',
}

/** An indicator as a STIX object: what its surest source says, all sources named. */
export function stixIndicator(indicator: Indicator): Readonly<Record<string, unknown>> {
  const { opinions, id, type, value, createdAt, updatedAt } = indicator
  const holding = opinions.filter(({ revoked }) => !revoked)
  const told = holding.length > 0 ? holding : opinions
  const surest = told.reduce((best, opinion) => (opinion.confidence > best.confidence ? opinion : best))
  const validFrom = Math.min(...told.map((opinion) => opinion.validFrom))
  const validUntil = Math.max(...told.map(({ expiresAt }) => expiresAt))
  const tlp = tlps[Math.max(...told.map((opinion) => tlps.indexOf(opinion.tlp)))] ?? 'red'
  const labels = [...new Set(told.flatMap((opinion) => opinion.labels))]
  const phases = [...new Set(told.flatMap((opinion) => opinion.killChain))].flatMap((phase) => {
    const [chain, name] = phase.split('/')
    return chain && name ? [{ kill_chain_name: chain, phase_name: name }] : []
  })
  return {
    type: 'indicator',
    spec_version: '2.1',
    id: `indicator--${id}`,
    created: formatMicros(createdAt * 1000),
    modified: formatMicros(Math.max(createdAt, updatedAt) * 1000),
    ...(holding.length === 0 ? { revoked: true } : {}),
    ...(type === 'pattern' ? {} : { name: `${type} ${value}`.slice(0, 512) }),
    ...(surest.description === undefined ? {} : { description: surest.description }),
    indicator_types: ['malicious-activity'],
    pattern: type === 'pattern' ? value : patternOf(type, value),
    pattern_type: 'stix',
    valid_from: formatMicros(validFrom * 1000),
    // Older readers take no indicator that ends before it begins.
    ...(validUntil > validFrom ? { valid_until: formatMicros(validUntil * 1000) } : {}),
    ...(phases.length > 0 ? { kill_chain_phases: phases } : {}),
    ...(labels.length > 0 ? { labels } : {}),
    confidence: surest.confidence,
    object_marking_refs: [tlpMarking(tlp)],
    external_references: told.map(({ source, confidence }) => ({
      source_name: source,
      description: `confidence ${confidence} of 100`,
    })),
  }
}

function patternOf(type: ExactType, value: string): string {
  return `[${pathOf(type, value)} ${type === 'network' ? 'ISSUBSET' : '='} '${value.replace(/[\\']/g, '\\$&')}']`
}

function pathOf(type: ExactType, value: string): string {
  switch (type) {
    case 'ip':
    case 'network':
      return value.includes(':') ? 'ipv6-addr:value' : 'ipv4-addr:value'
    case 'domain':
      return 'domain-name:value'
    case 'url':
      return 'url:value'
    case 'email':
      return 'email-addr:value'
    case 'ja3':
    case 'ja4':
      return `network-traffic:extensions.'tls-ext'.${type}_hash`
    default:
      return `file:hashes.'${HASH_NAMES[type]}'`
  }
}
