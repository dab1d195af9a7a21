import type { Client } from './client.ts'

interface Decision {
  readonly at?: string
  readonly principal: string
  readonly action: string
  readonly resource: string
  readonly reason: string
  readonly redacted?: readonly string[]
  readonly explanation?: {
    readonly layers: readonly Layer[]
    readonly suggest: readonly string[]
  }
}

interface Layer {
  readonly layer: string
  readonly node?: string
  readonly result: string
  readonly statements: readonly { readonly statement: string; readonly effect: string }[]
  readonly nearest: readonly {
    readonly statement: string
    readonly effect: string
    readonly failed: readonly {
      readonly op: string
      readonly key: string
      readonly want: readonly string[]
      readonly got: unknown
    }[]
  }[]
}

/** The refusal behind a decision id as the service tells it, in lines for people or as JSON. */
export async function explainDecision(client: Client, id: string, json: boolean): Promise<string> {
  const decision = await client.call<Decision>(`/v1/iam/decisions/${encodeURIComponent(id)}`)
  return json ? `${JSON.stringify(decision, null, 2)}\n` : `${linesOf(decision).join('\n')}\n`
}

/** A decision in lines for people. */
export function linesOf({ at, principal, action, resource, reason, redacted = [], explanation }: Decision): string[] {
  const may = reason === 'allow' ? 'may' : 'may not'
  return [
    `${principal} ${may} ${action} on ${resource}: ${reason}${at === undefined ? '' : `, at ${at}`}`,
    ...(explanation?.layers ?? []).flatMap(layerLines),
    ...redacted.map((layer) => `${layer}: its policies are not yours to read`),
    ...(explanation?.suggest ?? []).map((hint) => `try ${hint}`),
  ]
}

function layerLines({ layer, node, result, statements, nearest }: Layer): string[] {
  const where = node === undefined ? layer : `${layer} at ${node}`
  return [
    `${where}: ${statements.length === 0 ? 'nothing matches' : result}`,
    ...statements.map(({ statement, effect }) => `  ${effect} ${statement}`),
    ...nearest.flatMap(({ statement, effect, failed }) => [
      `  nearly ${effect} ${statement}`,
      ...failed.map(
        ({ op, key, want, got }) =>
          `    ${op} ${key}: wanted ${want.join(' or ')}, seen ${got === null ? 'nothing' : JSON.stringify(got)}`,
      ),
    ]),
  ]
}
