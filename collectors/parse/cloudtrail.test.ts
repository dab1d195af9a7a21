import { describe, expect, it } from 'vitest'
import { tryReadCloudtrail } from './cloudtrail.ts'

const record = {
  eventVersion: '1.11',
  eventTime: '2026-03-01T11:00:00Z',
  eventSource: 'iam.amazonaws.com',
  eventName: 'AttachUserPolicy',
  awsRegion: 'us-east-1',
  sourceIPAddress: '198.51.100.23',
  userAgent: 'aws-cli/2.31',
  requestID: 'r-1',
  eventID: 'e-1',
  recipientAccountId: '111122223333',
  userIdentity: {
    type: 'IAMUser',
    principalId: 'AIDA1',
    arn: 'arn:aws:iam::111122223333:user/build-bot',
    accountId: '111122223333',
    userName: 'build-bot',
    accessKeyId: 'AKIAEXAMPLE',
  },
}

describe('CloudTrail', () => {
  it('a call is API activity of its caller', () => {
    const reading = tryReadCloudtrail(record)
    expect(reading?.original).toBe(record)
    expect(reading?.logsource).toEqual({ product: 'aws', service: 'cloudtrail' })
    expect(reading?.time).toBe(Date.parse('2026-03-01T11:00:00Z'))
    expect(reading?.ocsf).toMatchObject({
      class_uid: 6003,
      activity_id: 3,
      status_id: 1,
      actor: {
        user: {
          name: 'build-bot',
          uid: 'arn:aws:iam::111122223333:user/build-bot',
          uid_alt: 'AIDA1',
          type_id: 1,
          credential_uid: 'AKIAEXAMPLE',
          account: { uid: '111122223333', type_id: 3 },
        },
      },
      api: { operation: 'AttachUserPolicy', service: { name: 'iam.amazonaws.com' }, request: { uid: 'r-1' } },
      src_endpoint: { ip: '198.51.100.23' },
      http_request: { user_agent: 'aws-cli/2.31' },
      cloud: { provider: 'AWS', region: 'us-east-1', account: { uid: '111122223333' } },
      metadata: { uid: 'e-1', correlation_uid: 'r-1', event_code: 'AttachUserPolicy' },
    })
  })

  it.each([
    ['CreateUser', 1],
    ['RunInstances', 1],
    ['GetObject', 2],
    ['ListUsers', 2],
    ['PutBucketPolicy', 3],
    ['DeleteTrail', 4],
    ['TerminateInstances', 4],
    ['Frobnicate', 99],
  ])('%s is activity %i', (eventName, activity) => {
    expect(tryReadCloudtrail({ ...record, eventName })?.ocsf).toMatchObject({ activity_id: activity })
  })

  it('an operation of unknown name that only reads is reading', () => {
    expect(tryReadCloudtrail({ ...record, eventName: 'Frobnicate', readOnly: true })?.ocsf.activity_id).toBe(2)
  })

  it('a refused call is a failure with its code', () => {
    expect(
      tryReadCloudtrail({ ...record, errorCode: 'AccessDenied', errorMessage: 'not authorized' })?.ocsf,
    ).toMatchObject({
      status_id: 2,
      status_code: 'AccessDenied',
      status_detail: 'not authorized',
      api: { response: { error: 'AccessDenied' } },
    })
  })

  it.each([
    ['Success', 'Yes', 1, true],
    ['Failure', 'No', 2, false],
  ])('a console sign-in tells its outcome: %s', (outcome, mfa, status, isMfa) => {
    const signIn = {
      ...record,
      eventSource: 'signin.amazonaws.com',
      eventName: 'ConsoleLogin',
      responseElements: { ConsoleLogin: outcome },
      additionalEventData: { MFAUsed: mfa },
    }
    expect(tryReadCloudtrail(signIn)?.ocsf).toMatchObject({
      class_uid: 3002,
      activity_id: 1,
      status_id: status,
      is_mfa: isMfa,
      user: { name: 'build-bot' },
      service: { name: 'signin.amazonaws.com' },
    })
  })

  it('an assumed role is a sign-in as the role, by the caller', () => {
    const assumed = {
      ...record,
      eventSource: 'sts.amazonaws.com',
      eventName: 'AssumeRole',
      requestParameters: { roleArn: 'arn:aws:iam::111122223333:role/path/admin' },
    }
    expect(tryReadCloudtrail(assumed)?.ocsf).toMatchObject({
      class_uid: 3002,
      user: { name: 'admin', uid: 'arn:aws:iam::111122223333:role/path/admin' },
      actor: { user: { name: 'build-bot' } },
    })
  })

  it('a role session names its issuer and whether it had a second factor', () => {
    const session = {
      type: 'AssumedRole',
      arn: 'arn:aws:sts::111122223333:assumed-role/admin/ann',
      sessionContext: {
        attributes: { mfaAuthenticated: 'true', creationDate: '2026-03-01T10:00:00Z' },
        sessionIssuer: { arn: 'arn:aws:iam::111122223333:role/admin', userName: 'admin' },
      },
    }
    expect(tryReadCloudtrail({ ...record, userIdentity: session })?.ocsf.actor).toMatchObject({
      user: { name: 'admin', uid: session.arn },
      session: {
        is_mfa: true,
        issuer: 'arn:aws:iam::111122223333:role/admin',
        created_time: Date.parse('2026-03-01T10:00:00Z'),
      },
    })
  })

  it('a service that calls is no address', () => {
    expect(tryReadCloudtrail({ ...record, sourceIPAddress: 'ec2.amazonaws.com' })?.ocsf.src_endpoint).toEqual({
      svc_name: 'ec2.amazonaws.com',
    })
  })

  it.each([
    [{}],
    [{ eventSource: 'iam.amazonaws.com' }],
    [{ eventSource: 'iam.example.org', eventName: 'X' }],
    [{ eventSource: 5, eventName: 'X' }],
  ])('is not %j', (object) => {
    expect(tryReadCloudtrail(object)).toBeUndefined()
  })
})
