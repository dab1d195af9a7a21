import type { Logsource } from '../../../pipeline/index.ts'

/** Sigma's service name of a channel. Compared without case: collectors differ in it.
 * @see sigma-specification, appendix taxonomy */
const services: ReadonlyMap<string, string> = new Map([
  ['security', 'security'],
  ['system', 'system'],
  ['application', 'application'],
  ['directory service', 'directory-service'],
  ['dns server', 'dns-server'],
  ['windows powershell', 'powershell-classic'],
  ['microsoft-windows-powershell/operational', 'powershell'],
  ['powershellcore/operational', 'powershell'],
  ['microsoft-windows-sysmon/operational', 'sysmon'],
  ['microsoft-windows-applocker/exe and dll', 'applocker'],
  ['microsoft-windows-applocker/msi and script', 'applocker'],
  ['microsoft-windows-applocker/packaged app-deployment', 'applocker'],
  ['microsoft-windows-applocker/packaged app-execution', 'applocker'],
  ['microsoft-windows-bits-client/operational', 'bits-client'],
  ['microsoft-windows-codeintegrity/operational', 'codeintegrity-operational'],
  ['microsoft-windows-diagnosis-scripted/operational', 'diagnosis-scripted'],
  ['microsoft-windows-dns-client/operational', 'dns-client'],
  ['microsoft-windows-dns-server/analytical', 'dns-server-analytic'],
  ['microsoft-windows-dns-server/audit', 'dns-server-audit'],
  ['microsoft-windows-driverframeworks-usermode/operational', 'driver-framework'],
  ['microsoft-windows-ldap-client/debug', 'ldap_debug'],
  ['microsoft-windows-ntlm/operational', 'ntlm'],
  ['microsoft-windows-openssh/operational', 'openssh'],
  ['openssh/operational', 'openssh'],
  ['microsoft-windows-printservice/admin', 'printservice-admin'],
  ['microsoft-windows-printservice/operational', 'printservice-operational'],
  ['microsoft-windows-security-mitigations/kernel mode', 'security-mitigations'],
  ['microsoft-windows-security-mitigations/user mode', 'security-mitigations'],
  ['microsoft-windows-shell-core/operational', 'shell-core'],
  ['microsoft-windows-smbclient/connectivity', 'smbclient-connectivity'],
  ['microsoft-windows-smbclient/security', 'smbclient-security'],
  ['microsoft-windows-smbserver/connectivity', 'smbserver-connectivity'],
  ['microsoft-windows-taskscheduler/operational', 'taskscheduler'],
  ['microsoft-windows-terminalservices-localsessionmanager/operational', 'terminalservices-localsessionmanager'],
  ['microsoft-windows-vhdmp-operational', 'vhdmp'],
  ['microsoft-windows-windows defender/operational', 'windefend'],
  ['microsoft-windows-windows firewall with advanced security/firewall', 'firewall-as'],
  ['microsoft-windows-wmi-activity/operational', 'wmi'],
  ['microsoft-windows-appxdeploymentserver/operational', 'appxdeployment-server'],
  ['microsoft-windows-appmodel-runtime/admin', 'appmodel-runtime'],
  ['microsoft-windows-appxpackaging/operational', 'appxpackaging-om'],
  ['microsoft-windows-capi2/operational', 'capi2'],
  [
    'microsoft-windows-certificateservicesclient-lifecycle-system/operational',
    'certificateservicesclient-lifecycle-system',
  ],
  ['microsoft-servicebus-client', 'microsoft-servicebus-client'],
  ['msexchange management', 'msexchange-management'],
  ['microsoft-iis-configuration/operational', 'iis-configuration'],
])

/** Sigma's category of a Sysmon event; registry events carry the narrowest name. */
const sysmonCategories: ReadonlyMap<number, string> = new Map([
  [1, 'process_creation'],
  [2, 'file_change'],
  [3, 'network_connection'],
  [4, 'sysmon_status'],
  [5, 'process_termination'],
  [6, 'driver_load'],
  [7, 'image_load'],
  [8, 'create_remote_thread'],
  [9, 'raw_access_thread'],
  [10, 'process_access'],
  [11, 'file_event'],
  [12, 'registry_event'],
  [13, 'registry_set'],
  [14, 'registry_rename'],
  [15, 'create_stream_hash'],
  [16, 'sysmon_status'],
  [17, 'pipe_created'],
  [18, 'pipe_created'],
  [19, 'wmi_event'],
  [20, 'wmi_event'],
  [21, 'wmi_event'],
  [22, 'dns_query'],
  [23, 'file_delete'],
  [24, 'clipboard_capture'],
  [25, 'process_tampering'],
  [26, 'file_delete'],
  [27, 'file_block_executable'],
  [28, 'file_block_shredding'],
  [29, 'file_executable_detected'],
  [255, 'sysmon_error'],
])

/** Sysmon for Linux writes the same events. */
const LINUX_SYSMON = 'linux-sysmon/operational'

/** What Sigma calls the log and the kind of an event in the shapes of Windows. */
export function logsourceOf(channel: string, eventId: number): Logsource {
  if (channel.toLowerCase() === LINUX_SYSMON) {
    const category = sysmonCategories.get(eventId)
    return { product: 'linux', service: 'sysmon', ...(category === undefined ? {} : { category }) }
  }
  const service = services.get(channel) ?? services.get(channel.toLowerCase())
  if (service === undefined) return { product: 'windows' }
  const category = categoryOf(service, eventId)
  return category === undefined ? { product: 'windows', service } : { product: 'windows', service, category }
}

function categoryOf(service: string, eventId: number): string | undefined {
  if (service === 'sysmon') return sysmonCategories.get(eventId)
  if (service === 'security')
    return eventId === 4688 ? 'process_creation' : eventId === 5156 ? 'network_connection' : undefined
  if (service === 'powershell') return eventId === 4104 ? 'ps_script' : eventId === 4103 ? 'ps_module' : undefined
  if (service === 'powershell-classic') {
    return eventId === 400 ? 'ps_classic_start' : eventId === 600 ? 'ps_classic_provider_start' : undefined
  }
  return undefined
}
