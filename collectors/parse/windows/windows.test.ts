import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../pipeline/index.ts'
import type { Draft } from '../../ocsf/event.ts'
import { tryReadWindows } from './event.ts'

const SYSMON = 'Microsoft-Windows-Sysmon/Operational'
const read = (Channel: string, EventID: number, fields: Draft) =>
  tryReadWindows({ Channel, EventID, Computer: 'ws-17', ...fields })

const subject: Draft = {
  SubjectUserName: 'adm',
  SubjectDomainName: 'CORP',
  SubjectUserSid: 'S-1-5-21-1',
  SubjectLogonId: '0x1',
}
const target: Draft = { TargetUserName: 'ann', TargetDomainName: 'CORP', TargetUserSid: 'S-1-5-21-2' }
const bySubject = { actor: { user: { name: 'adm', domain: 'CORP', uid: 'S-1-5-21-1' }, session: { uid: '0x1' } } }
const ann = { name: 'ann', domain: 'CORP', uid: 'S-1-5-21-2' }
const image: Draft = { Image: 'C:\\Windows\\a.exe', ProcessId: '4242', ProcessGuid: '{g}', User: 'CORP\\ann' }
const byImage = { actor: { process: { pid: 4242, uid: '{g}', name: 'a.exe', file: { path: 'C:\\Windows\\a.exe' } } } }

describe('Sysmon', () => {
  it('1: a process with its parent, hashes and user', () => {
    const reading = read(SYSMON, 1, {
      ...image,
      UtcTime: '2026-03-01 10:00:00.123',
      CommandLine: 'a.exe -x',
      CurrentDirectory: 'C:\\',
      Hashes: 'MD5=0C,SHA256=2E,IMPHASH=68,NEW=1',
      ParentImage: 'C:\\p.exe',
      ParentProcessId: 7,
      ParentProcessGuid: '{p}',
      ParentCommandLine: 'p.exe',
      ParentUser: 'CORP\\boss',
      Company: '-',
      OriginalFileName: 'orig.exe',
    })
    expect(reading?.time).toBe(Date.parse('2026-03-01T10:00:00.123Z'))
    expect(reading?.logsource).toEqual({ product: 'windows', service: 'sysmon', category: 'process_creation' })
    expect(reading?.ocsf).toMatchObject({
      class_uid: 1007,
      activity_id: 1,
      device: { hostname: 'ws-17' },
      actor: { process: { pid: 7, name: 'p.exe', cmd_line: 'p.exe' }, user: { name: 'boss', domain: 'CORP' } },
      process: {
        pid: 4242,
        uid: '{g}',
        name: 'a.exe',
        cmd_line: 'a.exe -x',
        user: { name: 'ann', domain: 'CORP' },
        working_directory: 'C:\\',
        parent_process: { pid: 7 },
        file: {
          internal_name: 'orig.exe',
          hashes: [
            { algorithm: 'MD5', algorithm_id: 1, value: '0C' },
            { algorithm: 'SHA-256', algorithm_id: 3, value: '2E' },
            { algorithm: 'Imphash', algorithm_id: 18, value: '68' },
            { algorithm: 'NEW', algorithm_id: 99, value: '1' },
          ],
        },
      },
      metadata: { event_code: '1', log_name: SYSMON },
    })
    expect(((reading?.ocsf.process ?? {}) as JsonObject).file).not.toHaveProperty('company_name')
  })

  it.each<[number, string, Draft, object]>([
    [
      2,
      'file_change',
      { ...image, TargetFilename: 'C:\\f' },
      { class_uid: 1001, activity_id: 6, file: { path: 'C:\\f', name: 'f' } },
    ],
    [
      3,
      'network_connection',
      {
        ...image,
        SourceIp: '::ffff:10.0.0.1',
        SourcePort: 50000,
        DestinationIp: '203.0.113.9',
        DestinationPort: '443',
        DestinationHostname: 'x.example',
        Protocol: 'TCP',
        Initiated: 'true',
      },
      {
        class_uid: 4001,
        activity_id: 1,
        src_endpoint: { ip: '10.0.0.1', port: 50000 },
        dst_endpoint: { ip: '203.0.113.9', port: 443, hostname: 'x.example' },
        connection_info: { direction_id: 2, protocol_name: 'tcp' },
        ...byImage,
      },
    ],
    [5, 'process_termination', image, { class_uid: 1007, activity_id: 2, process: { pid: 4242 } }],
    [
      6,
      'driver_load',
      { ImageLoaded: 'C:\\d.sys', Hashes: 'SHA1=AA' },
      { class_uid: 1002, activity_id: 1, driver: { file: { name: 'd.sys', hashes: [{ algorithm_id: 2 }] } } },
    ],
    [
      7,
      'image_load',
      { ...image, ImageLoaded: 'C:\\m.dll' },
      { class_uid: 1005, activity_id: 1, module: { file: { name: 'm.dll' } }, ...byImage },
    ],
    [
      8,
      'create_remote_thread',
      { SourceImage: 'C:\\s.exe', SourceProcessId: 1, TargetImage: 'C:\\t.exe', TargetProcessId: 2 },
      {
        class_uid: 1007,
        activity_id: 4,
        injection_type_id: 1,
        process: { name: 't.exe' },
        actor: { process: { name: 's.exe' } },
      },
    ],
    [
      9,
      'raw_access_thread',
      { ...image, Device: '\\Device\\HarddiskVolume2' },
      { class_uid: 1001, activity_id: 2, file: { type_id: 4 } },
    ],
    [
      10,
      'process_access',
      {
        SourceImage: 'C:\\s.exe',
        SourceProcessId: 1,
        SourceProcessGUID: '{s}',
        TargetImage: 'C:\\lsass.exe',
        TargetProcessId: 2,
        GrantedAccess: '0x1410',
        SourceUser: 'CORP\\eve',
      },
      {
        class_uid: 1007,
        activity_id: 3,
        actual_permissions: 5136,
        process: { name: 'lsass.exe', pid: 2 },
        actor: { process: { uid: '{s}' }, user: { name: 'eve' } },
      },
    ],
    [
      11,
      'file_event',
      { ...image, TargetFilename: 'C:\\n.txt', CreationUtcTime: '2026-03-01 09:00:00.000' },
      { class_uid: 1001, activity_id: 1, file: { created_time: Date.parse('2026-03-01T09:00:00Z') } },
    ],
    [
      12,
      'registry_event',
      { ...image, EventType: 'CreateKey', TargetObject: 'HKLM\\K' },
      { class_uid: 201001, activity_id: 1, reg_key: { path: 'HKLM\\K' } },
    ],
    [
      12,
      'registry_event',
      { ...image, EventType: 'DeleteValue', TargetObject: 'HKLM\\K\\v' },
      { class_uid: 201002, activity_id: 4, reg_value: { path: 'HKLM\\K', name: 'v' } },
    ],
    [
      13,
      'registry_set',
      { ...image, EventType: 'SetValue', TargetObject: 'HKLM\\Run\\evil', Details: 'C:\\e.exe' },
      { class_uid: 201002, activity_id: 2, reg_value: { path: 'HKLM\\Run', name: 'evil', data: 'C:\\e.exe' } },
    ],
    [
      14,
      'registry_rename',
      { ...image, EventType: 'RenameKey', TargetObject: 'HKLM\\old', NewName: 'HKLM\\new' },
      { class_uid: 201001, activity_id: 5, reg_key: { path: 'HKLM\\new' }, prev_reg_key: { path: 'HKLM\\old' } },
    ],
    [
      15,
      'create_stream_hash',
      { ...image, TargetFilename: 'C:\\f:Zone.Identifier' },
      { class_uid: 1001, activity_id: 1 },
    ],
    [17, 'pipe_created', { ...image, PipeName: '\\evil' }, { class_uid: 1001, activity_id: 1, file: { type_id: 6 } }],
    [18, 'pipe_created', { ...image, PipeName: '\\evil' }, { class_uid: 1001, activity_id: 14 }],
    [
      22,
      'dns_query',
      {
        ...image,
        QueryName: 'evil.example',
        QueryStatus: '0',
        QueryResults: 'type:  5 alias.example;::ffff:203.0.113.9;',
      },
      {
        class_uid: 4003,
        activity_id: 2,
        rcode_id: 0,
        query: { hostname: 'evil.example' },
        answers: [{ rdata: 'alias.example', type: '5' }, { rdata: '203.0.113.9' }],
      },
    ],
    [
      22,
      'dns_query',
      { ...image, QueryName: 'no.example', QueryStatus: '9003', QueryResults: '-' },
      { class_uid: 4003, activity_id: 1, rcode_id: 3 },
    ],
    [23, 'file_delete', { ...image, TargetFilename: 'C:\\f' }, { class_uid: 1001, activity_id: 4 }],
    [25, 'process_tampering', image, { class_uid: 1007, activity_id: 99, activity_name: 'Tampering' }],
    [
      27,
      'file_block_executable',
      { ...image, TargetFilename: 'C:\\f.exe' },
      { class_uid: 1001, activity_id: 1, status_id: 2 },
    ],
    [16, 'sysmon_status', {}, { class_uid: 0, activity_name: 'Event 16' }],
  ])('%i: %s', (eventId, category, fields, ocsf) => {
    const reading = read(SYSMON, eventId, fields)
    expect(reading?.logsource.category).toBe(category)
    expect(reading?.ocsf).toMatchObject(ocsf)
  })
})

describe('Security', () => {
  it('4625: who failed to sign in, from where, and why', () => {
    const reading = read('Security', 4625, {
      ...subject,
      ...target,
      IpAddress: '203.0.113.5',
      IpPort: '50000',
      WorkstationName: 'EVIL',
      LogonType: '3',
      AuthenticationPackageName: 'NTLM',
      Status: '0xc000006d',
      SubStatus: '0xC000006A',
    })
    expect(reading?.logsource).toEqual({ product: 'windows', service: 'security' })
    expect(reading?.ocsf).toMatchObject({
      class_uid: 3002,
      activity_id: 1,
      status_id: 2,
      status_detail: 'wrong password',
      status_code: '0xC000006A',
      user: ann,
      src_endpoint: { ip: '203.0.113.5', port: 50000, hostname: 'EVIL' },
      dst_endpoint: { hostname: 'ws-17' },
      logon_type_id: 3,
      is_remote: true,
      auth_protocol_id: 1,
      ...bySubject,
    })
  })

  it.each<[number, Draft, object]>([
    [
      4624,
      { ...target, LogonType: 10, IpAddress: '-' },
      { class_uid: 3002, status_id: 1, logon_type_id: 10, user: ann },
    ],
    [4634, { ...target, LogonType: 2 }, { class_uid: 3002, activity_id: 2, is_remote: false }],
    [
      4648,
      { ...subject, ...target, TargetServerName: 'srv' },
      { class_uid: 3002, dst_endpoint: { hostname: 'srv' }, ...bySubject },
    ],
    [
      4672,
      { ...subject, PrivilegeList: 'SeDebugPrivilege\r\n\t\t\tSeBackupPrivilege' },
      { class_uid: 3003, user: { name: 'adm' }, privileges: ['SeDebugPrivilege', 'SeBackupPrivilege'] },
    ],
    [
      4688,
      {
        ...subject,
        NewProcessId: '0x1a4',
        NewProcessName: 'C:\\n.exe',
        ProcessId: '0x10',
        ParentProcessName: 'C:\\p.exe',
        CommandLine: 'n.exe -x',
        TargetUserName: '-',
        TargetUserSid: 'S-1-0-0',
      },
      {
        class_uid: 1007,
        activity_id: 1,
        process: { pid: 420, name: 'n.exe', cmd_line: 'n.exe -x' },
        actor: { process: { pid: 16, name: 'p.exe' }, user: { name: 'adm' } },
      },
    ],
    [
      4689,
      { ...subject, ProcessId: '0x1a4', ProcessName: 'C:\\n.exe', Status: '0x0' },
      { class_uid: 1007, activity_id: 2, exit_code: 0 },
    ],
    [
      4663,
      { ...subject, ObjectType: 'File', ObjectName: 'C:\\secret.txt', ProcessId: '0x1', ProcessName: 'C:\\r.exe' },
      { class_uid: 1001, activity_id: 14, file: { path: 'C:\\secret.txt' } },
    ],
    [
      4656,
      { ...subject, ObjectType: 'Process', ObjectName: '\\Device\\x\\lsass.exe', AccessMask: '0x1010' },
      { class_uid: 1007, activity_id: 3, process: { name: 'lsass.exe' } },
    ],
    [
      4656,
      { ...subject, ObjectType: 'Key', ObjectName: '\\REGISTRY\\MACHINE\\SAM' },
      { class_uid: 201001, reg_key: { path: '\\REGISTRY\\MACHINE\\SAM' } },
    ],
    [
      4657,
      { ...subject, ObjectName: '\\REGISTRY\\x', ObjectValueName: 'v', NewValue: 'n' },
      { class_uid: 201002, activity_id: 3, reg_value: { name: 'v', path: '\\REGISTRY\\x', data: 'n' } },
    ],
    [
      4697,
      { ...subject, ServiceName: 'svc', ServiceFileName: 'C:\\s.exe' },
      { class_uid: 201004, activity_id: 1, win_service: { name: 'svc', cmd_line: 'C:\\s.exe' } },
    ],
    [
      4698,
      {
        ...subject,
        TaskName: '\\evil',
        TaskContent: '<Exec><Command>cmd.exe</Command><Arguments>/c &quot;x&quot;</Arguments></Exec>',
      },
      { class_uid: 1006, activity_id: 1, job: { name: '\\evil', cmd_line: 'cmd.exe /c "x"' } },
    ],
    [4702, { ...subject, TaskName: '\\evil' }, { class_uid: 1006, activity_id: 2 }],
    [
      4720,
      { ...subject, ...target, TargetUserSid: undefined as never, TargetSid: 'S-1-5-21-2' },
      { class_uid: 3001, activity_id: 1, user: ann },
    ],
    [4726, { ...subject, ...target }, { class_uid: 3001, activity_id: 6 }],
    [
      4732,
      {
        ...subject,
        TargetUserName: 'Administrators',
        TargetSid: 'S-1-5-32-544',
        MemberName: '-',
        MemberSid: 'S-1-5-21-2',
      },
      {
        class_uid: 3006,
        activity_id: 3,
        group: { name: 'Administrators', uid: 'S-1-5-32-544' },
        user: { uid: 'S-1-5-21-2' },
      },
    ],
    [
      4768,
      { ...target, Status: '0x0', ServiceName: 'krbtgt', IpAddress: '::ffff:10.0.0.9' },
      {
        class_uid: 3002,
        activity_id: 3,
        status_id: 1,
        auth_protocol_id: 2,
        service: { name: 'krbtgt' },
        src_endpoint: { ip: '10.0.0.9' },
      },
    ],
    [4769, { ...target, Status: '0x1b' }, { class_uid: 3002, activity_id: 4, status_id: 2, status_detail: '0x1b' }],
    [
      4776,
      {
        TargetUserName: 'ann',
        Workstation: 'WS',
        Status: '0xc0000064',
        PackageName: 'MICROSOFT_AUTHENTICATION_PACKAGE_V1_0',
      },
      { class_uid: 3002, status_id: 2, status_detail: 'no such user' },
    ],
    [
      5145,
      { ...subject, ShareName: '\\\\*\\C$', RelativeTargetName: 'x\\y.exe', AccessMask: '0x2' },
      { class_uid: 1001, activity_id: 14, file: { path: '\\\\*\\C$\\x\\y.exe', name: 'y.exe' }, access_mask: 2 },
    ],
    [
      5156,
      {
        Application: '\\device\\a.exe',
        ProcessID: 5,
        SourceAddress: '10.0.0.1',
        SourcePort: '1',
        DestAddress: '10.0.0.2',
        DestPort: '2',
        Protocol: 6,
        Direction: '%%14593',
      },
      {
        class_uid: 4001,
        activity_id: 1,
        status_id: 1,
        connection_info: { direction_id: 2, protocol_num: 6, protocol_name: 'tcp' },
        actor: { process: { pid: 5 } },
      },
    ],
    [5157, { SourceAddress: '10.0.0.1', DestAddress: '10.0.0.2' }, { class_uid: 4001, activity_id: 5, status_id: 2 }],
    [1102, { ...subject }, { class_uid: 1008, activity_id: 1, log_name: 'Security', severity_id: 4 }],
    [4799, { ...subject }, { class_uid: 0, activity_name: 'Event 4799' }],
  ])('%i', (eventId, fields, ocsf) => {
    expect(read('Security', eventId, fields)?.ocsf).toMatchObject(ocsf)
  })

  it('is the same channel in lower case', () => {
    expect(read('security', 4672, subject)).toMatchObject({
      logsource: { service: 'security' },
      ocsf: { class_uid: 3003 },
    })
  })
})

describe('System and PowerShell', () => {
  it('7045: a new service', () => {
    const reading = read('System', 7045, {
      Provider_Name: 'Service Control Manager',
      ServiceName: 'upd',
      ImagePath: 'C:\\u.exe',
      ServiceType: 'user mode service',
      StartType: 'auto start',
      AccountName: 'LocalSystem',
    })
    expect(reading?.ocsf).toMatchObject({
      class_uid: 201004,
      activity_id: 1,
      win_service: {
        name: 'upd',
        cmd_line: 'C:\\u.exe',
        service_start_type_id: 3,
        service_type_id: 3,
        service_start_name: 'LocalSystem',
      },
    })
  })

  it.each([
    ['running', 3],
    ['stopped', 4],
    ['en cours d’exécution', 99],
  ])('7036: a service that is %s', (state, activity) => {
    const reading = read('System', 7036, { Provider_Name: 'Service Control Manager', param1: 'upd', param2: state })
    expect(reading?.ocsf).toMatchObject({ class_uid: 201004, activity_id: activity, win_service: { name: 'upd' } })
  })

  it('numbers of other providers mean nothing', () => {
    expect(read('System', 7036, { Provider_Name: 'Other' })?.ocsf.class_uid).toBe(0)
  })

  it('4104: a script block', () => {
    const reading = read('Microsoft-Windows-PowerShell/Operational', 4104, {
      ScriptBlockText: 'IEX $x',
      ScriptBlockId: 'b',
      Path: 'C:\\s.ps1',
      Security_UserID: 'S-1',
    })
    expect(reading?.logsource).toEqual({ product: 'windows', service: 'powershell', category: 'ps_script' })
    expect(reading?.ocsf).toMatchObject({
      class_uid: 1009,
      script: { type_id: 2, uid: 'b', script_content: { value: 'IEX $x' }, file: { path: 'C:\\s.ps1' } },
      actor: { user: { uid: 'S-1' } },
    })
  })

  it('4103: a module, with the user that its context names', () => {
    const reading = read('Microsoft-Windows-PowerShell/Operational', 4103, {
      Payload: 'CommandInvocation(X)',
      ContextInfo: '  Severity = Informational\r\n        User = CORP\\ann\r\n',
    })
    expect(reading?.ocsf).toMatchObject({
      class_uid: 1009,
      script: { script_content: { value: 'CommandInvocation(X)' } },
      actor: { user: { name: 'ann', domain: 'CORP' } },
    })
  })

  it('Sysmon for Linux is Linux', () => {
    expect(read('Linux-Sysmon/Operational', 1, { Image: '/usr/bin/curl', ProcessId: 7 })).toMatchObject({
      logsource: { product: 'linux', service: 'sysmon', category: 'process_creation' },
      ocsf: { class_uid: 1007, process: { name: 'curl' } },
    })
  })

  it('a channel that nobody knows is still Windows', () => {
    expect(read('Vendor/Operational', 1, {})).toMatchObject({
      logsource: { product: 'windows' },
      ocsf: { class_uid: 0 },
    })
  })
})
