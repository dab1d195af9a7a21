/** Where Windows writes the events of a category: the service's channels, the event ids there, and the names that fields
 * have there where they differ from Sysmon's. */
export interface WindowsSource {
  readonly service: string
  readonly eventIds: readonly number[]
  readonly rename?: Readonly<Record<string, string>>
}

const sysmon = (...eventIds: number[]): readonly WindowsSource[] => [{ service: 'sysmon', eventIds }]
const powershell = (service: string, ...eventIds: number[]): readonly WindowsSource[] => [{ service, eventIds }]

/** The sources of each category, Sysmon's ids first.   @see Sysmon 15 documentation, events; Sigma taxonomy appendix;
 * Windows security auditing, event 4688 */
export const windowsCategories: Readonly<Record<string, readonly WindowsSource[]>> = {
  process_creation: [
    { service: 'sysmon', eventIds: [1] },
    {
      service: 'security',
      eventIds: [4688],
      rename: {
        Image: 'NewProcessName',
        ParentImage: 'ParentProcessName',
        Details: 'NewValue',
        LogonId: 'SubjectLogonId',
      },
    },
  ],
  file_change: sysmon(2),
  network_connection: sysmon(3),
  sysmon_status: sysmon(4, 16),
  process_termination: sysmon(5),
  driver_load: sysmon(6),
  image_load: sysmon(7),
  create_remote_thread: sysmon(8),
  raw_access_thread: sysmon(9),
  process_access: sysmon(10),
  file_event: sysmon(11),
  registry_add: sysmon(12),
  registry_delete: sysmon(12),
  registry_set: sysmon(13),
  registry_rename: sysmon(14),
  registry_event: sysmon(12, 13, 14),
  create_stream_hash: sysmon(15),
  pipe_created: sysmon(17, 18),
  wmi_event: sysmon(19, 20, 21),
  dns_query: sysmon(22),
  file_delete: sysmon(23, 26),
  clipboard_capture: sysmon(24),
  process_tampering: sysmon(25),
  file_delete_detected: sysmon(26),
  file_block_executable: sysmon(27),
  file_block_shredding: sysmon(28),
  file_executable_detected: sysmon(29),
  sysmon_error: sysmon(255),
  ps_module: powershell('powershell', 4103),
  ps_script: powershell('powershell', 4104),
  ps_classic_start: powershell('powershell-classic', 400),
  ps_classic_provider_start: powershell('powershell-classic', 600),
  ps_classic_script: powershell('powershell-classic', 800),
}
