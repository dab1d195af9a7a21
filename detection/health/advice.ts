import type { RuleHealth } from './judge.ts'

/** What could be done about the problems of a rule, in words; a sentence a problem.
 * @param days over how many days it was looked at
 * @param missing log sources of the rule that deliver nothing */
export function adviceOn(
  rule: Omit<RuleHealth, 'advice'>,
  { days, missing }: { readonly days: number; readonly missing: readonly string[] },
): readonly string[] {
  const { ruleId, state, problems, matches, alerts, heldBack, timeShare, canaryFindings } = rule
  const said: string[] = []
  for (const problem of problems) {
    if (problem === 'false_positives') {
      said.push(
        `${perDay(alerts, days)}, ${falseShare(rule)} of those closed were false positives: add an exclusion (\`rampart rules exclusions add ${ruleId} NAME --where FIELD=VALUE\`) or narrow its condition`,
      )
    }
    if (problem === 'too_much' && !problems.includes('false_positives')) {
      said.push(
        `matches ${Math.round(matches / days)} events a day: leave out what is known, or let it add to risk only (\`risk: {only: true}\`)`,
      )
    }
    if (problem === 'throttled') said.push(`${heldBack} findings were too many to tell: narrow its condition`)
    if (problem === 'costly') {
      said.push(
        `takes ${Math.round(timeShare * 100)} % of the time of all rules: ask first for a text that few events hold, and for regular expressions last`,
      )
    }
    if (problem === 'never_fired') {
      said.push(
        missing.length > 0
          ? `no event of ${missing.join(', ')} came in ${days} days: collect it, or disable the rule`
          : `its events come, and none matched in ${days} days: try it on a sample (\`tests\`), or keep it for the day that it matters`,
      )
    }
  }
  if (state === 'canary' && !problems.includes('too_much')) {
    const found = canaryFindings === 0 ? 'nothing' : `${canaryFindings} findings`
    said.push(
      `a canary that found ${found} in ${days} days: look at them (\`rampart rules canary ${ruleId}\`), then \`rampart rules enable ${ruleId}\``,
    )
  }
  return said
}

function perDay(alerts: number, days: number): string {
  const count = alerts / days
  return `${count >= 1 ? `${Math.round(count)} alerts a day` : `${alerts} alerts in ${days} days`}`
}

function falseShare({ closedAlerts, falsePositives }: Pick<RuleHealth, 'closedAlerts' | 'falsePositives'>): string {
  return `${Math.round((100 * falsePositives) / closedAlerts)} %`
}
