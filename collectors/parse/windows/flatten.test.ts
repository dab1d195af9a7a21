import { describe, expect, it } from 'vitest'
import { tryFlatten } from './flatten.ts'

describe('the flat shape of a Windows event', () => {
  it('has System, EventData and attributes at the top', () => {
    const event = tryFlatten({
      Event: {
        '#attributes': { xmlns: 'x' },
        System: {
          Provider: { '#attributes': { Name: 'Microsoft-Windows-Sysmon', Guid: 'g' } },
          EventID: { '#attributes': { Qualifiers: 16384 }, '#text': '1' },
          TimeCreated: { '#attributes': { SystemTime: '2026-03-01T10:00:00Z' } },
          Execution: { '#attributes': { ProcessID: 748, ThreadID: 6 } },
          Channel: 'Microsoft-Windows-Sysmon/Operational',
          Computer: 'ws-17',
          Correlation: null,
          Security: { '#attributes': { UserID: 'S-1-5-18' } },
        },
        EventData: { Image: 'C:\\a.exe', Data: { '#text': ['one', 'two'] }, Channel: 'not mine' },
      },
      tag: 'beside',
    })
    expect(event).toEqual({
      channel: 'Microsoft-Windows-Sysmon/Operational',
      eventId: 1,
      fields: {
        Provider_Name: 'Microsoft-Windows-Sysmon',
        Provider_Guid: 'g',
        EventID: '1',
        EventID_Qualifiers: 16384,
        TimeCreated_SystemTime: '2026-03-01T10:00:00Z',
        Execution_ProcessID: 748,
        Execution_ThreadID: 6,
        Channel: 'Microsoft-Windows-Sysmon/Operational',
        Computer: 'ws-17',
        Correlation: null,
        Security_UserID: 'S-1-5-18',
        Image: 'C:\\a.exe',
        Data: 'one two',
        tag: 'beside',
      },
    })
  })

  it('takes UserData out of its wrapping', () => {
    const event = tryFlatten({
      Event: {
        System: { EventID: 1102, Channel: 'Security' },
        UserData: { LogFileCleared: { '#attributes': { xmlns: 'x' }, SubjectUserName: 'bob' } },
      },
    })
    expect(event?.fields).toEqual({ EventID: 1102, Channel: 'Security', SubjectUserName: 'bob' })
  })

  it('is a flat record as it is', () => {
    const record = { Channel: 'Security', EventID: 4624, TargetUserName: 'ann' }
    expect(tryFlatten(record)?.fields).toBe(record)
  })

  it.each([
    [
      'winlogbeat 7',
      {
        '@timestamp': 't',
        winlog: {
          channel: 'Security',
          event_id: '4625',
          computer_name: 'dc1',
          provider_name: 'P',
          record_id: 9,
          event_data: { IpAddress: '192.0.2.1' },
        },
      },
    ],
    [
      'winlogbeat 6',
      {
        '@timestamp': 't',
        log_name: 'Security',
        event_id: 4625,
        computer_name: 'dc1',
        source_name: 'P',
        record_number: 9,
        event_data: { IpAddress: '192.0.2.1' },
      },
    ],
  ])('of %s joins its own members', (_, record) => {
    const event = tryFlatten(record)
    expect(event?.eventId).toBe(4625)
    expect(event?.fields).toEqual({
      ...record,
      EventID: 4625,
      Channel: 'Security',
      Computer: 'dc1',
      Provider_Name: 'P',
      EventRecordID: 9,
      IpAddress: '192.0.2.1',
    })
  })

  it.each([
    [{}],
    [{ Event: 5 }],
    [{ Event: { System: [] } }],
    [{ EventID: 1 }],
    [{ EventID: 'x', Channel: 'Security' }],
    [{ EventID: 1, Channel: 7 }],
    [{ winlog: 'x' }],
    [{ event_id: 5 }],
  ])('is not that of %j', (record) => {
    expect(tryFlatten(record)).toBeUndefined()
  })
})
