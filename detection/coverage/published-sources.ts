import type { RuleLogsource } from '../sigma/logsource.ts'
import { windowsChannels } from '../sources/windows-channels.ts'

const WINDOWS = 'WinEventLog:'

/** Log sources by the first part of MITRE's name for them, or by the whole name where the parts are different logs. */
const others: Readonly<Record<string, RuleLogsource>> = {
  auditd: { product: 'linux', service: 'auditd' },
  'linux:syslog': { product: 'linux', service: 'syslog' },
  'linux:auth': { product: 'linux', service: 'auth' },
  'linux:cron': { product: 'linux', service: 'cron' },
  'linux:Sysmon': { product: 'linux', service: 'sysmon' },
  macos: { product: 'macos' },
  'AWS:CloudTrail': { product: 'aws', service: 'cloudtrail' },
  'azure:signinlogs': { product: 'azure', service: 'signinlogs' },
  'azure:audit': { product: 'azure', service: 'auditlogs' },
  'azure:activity': { product: 'azure', service: 'activitylogs' },
  'gcp:audit': { product: 'gcp', service: 'gcp.audit' },
  m365: { product: 'm365' },
  'saas:okta': { product: 'okta', service: 'okta' },
  'Okta:SystemLog': { product: 'okta', service: 'okta' },
  'saas:github': { product: 'github', service: 'audit' },
  kubernetes: { product: 'kubernetes', service: 'audit' },
  'NSM:Flow': { product: 'zeek', service: 'conn' },
  'NSM:Connections': { product: 'zeek', service: 'conn' },
  'NSM:Firewall': { category: 'firewall' },
  'iptables:LOG': { category: 'firewall' },
  'dns:query': { category: 'dns' },
}

/** What rules call a log source that MITRE names; undefined where no rule's log source is its like. */
export function logsourceOfPublished(name: string): RuleLogsource | undefined {
  if (name.startsWith(WINDOWS)) return windowsLogsource(name.slice(WINDOWS.length).toLowerCase())
  const whole = Object.hasOwn(others, name) ? others[name] : undefined
  const first = name.split(':')[0] ?? ''
  return whole ?? (Object.hasOwn(others, first) ? others[first] : undefined)
}

/** MITRE names some event logs as Sigma names the service, others by their channel. */
function windowsLogsource(log: string): RuleLogsource | undefined {
  const byChannel = Object.entries(windowsChannels).find(([, channels]) => channels.includes(log))?.[0]
  const service = Object.hasOwn(windowsChannels, log) ? log : (byChannel ?? spelledByMitre[log])
  return service === undefined ? undefined : { product: 'windows', service }
}

const spelledByMitre: Readonly<Record<string, string>> = {
  taskscheduler: 'taskscheduler',
  'windows defender': 'windefend',
  wmi: 'wmi',
}
