import type { Problems } from './problem.ts'
import type { SourceNode } from './source.ts'

/** What keys and tokens of well-known makers look like. */
const SHAPES: readonly (readonly [string, RegExp])[] = [
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a GitHub token', /\bgh[pousr]_[A-Za-z0-9]{36,}\b/],
  ['a GitLab token', /\bglpat-[A-Za-z0-9_-]{20,}\b/],
  ['a Slack token', /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/],
  ['a Google API key', /\bAIza[A-Za-z0-9_-]{35}\b/],
  ['a JSON web token', /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\./],
  ['a bearer token', /\b[Bb]earer +[A-Za-z0-9._~+/-]{20,}/],
  ['basic credentials', /\b[Bb]asic +[A-Za-z0-9+/]{16,}={0,2}$/],
]
const SECRET_KEY = /^(?:.*[_-])?(?:password|passwd|secret|token|api_?key|apikey|authorization|private_?key)$/i
const TEXT_LENGTH_MAX = 16_384

/** Refuses secrets written into the text: whoever may read a playbook would have them. */
export function findSecretLiterals(root: SourceNode, problems: Problems): void {
  const pending: { node: SourceNode; key: string }[] = [{ node: root, key: '' }]
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { node, key } = next
    if (node.kind === 'map') for (const entry of node.entries) pending.push({ node: entry.value, key: entry.key })
    else if (node.kind === 'list') for (const item of node.items) pending.push({ node: item, key })
    else if (typeof node.value === 'string') {
      const found = looksLike(key, node.value.slice(0, TEXT_LENGTH_MAX))
      if (found) problems.error('P017', node, `this looks like ${found}; secrets do not stand in playbooks`)
    }
  }
}

function looksLike(key: string, text: string): string | undefined {
  for (const [name, shape] of SHAPES) if (shape.test(text)) return name
  const templated = text.includes('${{') || text === '' || text === 'token'
  return SECRET_KEY.test(key) && !templated && text.length >= 8 ? `the value of \`${key}\`` : undefined
}
