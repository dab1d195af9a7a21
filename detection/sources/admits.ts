import type { Logsource } from '../../pipeline/index.ts'
import type { RuleLogsource } from '../sigma/logsource.ts'

/** Services that are parts of another: what sshd writes stands in the auth log, too. */
const partsOf: Readonly<Record<string, readonly string[]>> = {
  auth: ['sshd', 'sudo', 'su', 'pam', 'login'],
  syslog: ['sshd', 'sudo', 'su', 'pam', 'login', 'cron', 'auth', 'kernel', 'systemd'],
}

/** True when a rule of that log source may be meant for an event of which `known` is known. Of an event nothing is known
 * of, every rule may be meant (fail open). Else no word may contradict, and one word has to agree; what the rule says
 * more narrowly than is known (a service of a known product) is taken to fit. */
export function admits(rule: RuleLogsource, known: Logsource): boolean {
  if (known.product === undefined && known.category === undefined && known.service === undefined) return true
  let agree = 0
  for (const word of ['product', 'category', 'service'] as const) {
    const asked = rule[word]
    const is = known[word]?.toLowerCase()
    if (asked === undefined || is === undefined) continue
    if (asked !== is && !(word === 'service' && partsOf[asked]?.includes(is))) return false
    agree++
  }
  return agree > 0
}
