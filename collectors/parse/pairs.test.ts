import { describe, expect, it } from 'vitest'
import { PARSE_LIMITS } from '../limits.ts'
import { tryParseCef, tryParseLeef } from './pairs.ts'

describe('CEF', () => {
  it('takes header escapes, spaces in values and custom labels', () => {
    const reading = tryParseCef(
      'CEF:0|security|threat\\|manager|1.0|100|detected a \\| in message|10|src=10.0.0.1 act=blocked a \\= dst=1.1.1.1 msg=two\\nlines and spaces cs1=the reason cs1Label=why rt=1772359200000',
    )
    expect(reading?.original).toEqual({
      cefVersion: '0',
      deviceVendor: 'security',
      deviceProduct: 'threat|manager',
      deviceVersion: '1.0',
      deviceEventClassId: '100',
      name: 'detected a | in message',
      severity: '10',
      src: '10.0.0.1',
      act: 'blocked a =',
      dst: '1.1.1.1',
      msg: 'two\nlines and spaces',
      cs1: 'the reason',
      cs1Label: 'why',
      why: 'the reason',
      rt: '1772359200000',
    })
    expect(reading?.time).toBe(1772359200000)
    expect(reading?.ocsf).toMatchObject({
      class_uid: 4001,
      activity_id: 6,
      severity_id: 5,
      src_endpoint: { ip: '10.0.0.1' },
      dst_endpoint: { ip: '1.1.1.1' },
      metadata: { product: { name: 'threat|manager', vendor_name: 'security' }, event_code: '100' },
    })
  })

  it.each([
    ['0', 2],
    ['5', 3],
    ['8', 4],
    ['9', 5],
    ['Very-High', 5],
    ['Unknown', 0],
    ['what', 1],
  ])('severity %s is %i', (severity, id) => {
    expect(tryParseCef(`CEF:0|V|P|1|7|n|${severity}|`)?.ocsf.severity_id).toBe(id)
  })

  it('is of no class when it does not name both ends', () => {
    expect(tryParseCef('CEF:0|V|P|1|7|n|3|src=10.0.0.1')?.ocsf.class_uid).toBe(0)
  })

  it('says when it has too many members', () => {
    const members = Array.from({ length: PARSE_LIMITS.columnsMax + 1 }, (_, i) => `k${i}=v`).join(' ')
    expect(tryParseCef(`CEF:0|V|P|1|7|n|3|${members}`)?.error).toBe('cef.tooManyMembers')
  })

  it.each(['CEF:', 'CEF:0|a|b', 'CEF', 'xCEF:0|V|P|1|7|n|3|'])('is not %s', (text) => {
    expect(tryParseCef(text)).toBeUndefined()
  })
})

describe('LEEF', () => {
  it('takes tabs in version 1', () => {
    const reading = tryParseLeef(
      'LEEF:1.0|Vendor|Product|2|Event7|src=10.0.0.1\tdst=10.0.0.2\tsrcPort=9\tdstPort=80\tproto=TCP\tusrName=ann lee\tsev=9',
    )
    expect(reading?.original).toMatchObject({ deviceVendor: 'Vendor', eventId: 'Event7', usrName: 'ann lee', sev: '9' })
    expect(reading?.ocsf).toMatchObject({
      class_uid: 4001,
      severity_id: 5,
      src_endpoint: { ip: '10.0.0.1', port: 9 },
      dst_endpoint: { ip: '10.0.0.2', port: 80 },
      connection_info: { protocol_name: 'tcp' },
      actor: { user: { name: 'ann lee' } },
    })
  })

  it.each([
    ['^', '^'],
    ['x5E', '^'],
    ['0x09', '\t'],
    ['', '\t'],
  ])('takes the delimiter `%s` of version 2', (named, delimiter) => {
    const reading = tryParseLeef(`LEEF:2.0|V|P|2|E|${named}|a=1${delimiter}b=x=y`)
    expect(reading?.original).toMatchObject({ a: '1', b: 'x=y' })
  })
})
