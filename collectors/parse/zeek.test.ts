import { describe, expect, it } from 'vitest'
import { tryReadZeek } from './zeek.ts'

const four = { 'id.orig_h': '10.0.0.1', 'id.orig_p': 50_000, 'id.resp_h': '192.0.2.1', 'id.resp_p': 443 }
const head = { ts: 1_588_205_199.82, uid: 'Cvf4' }

describe('a record of Zeek', () => {
  it('of a connection tells its ends, its bytes and how it ended', () => {
    const more = { conn_state: 'SF', orig_bytes: 39, resp_bytes: 55, duration: 1.5, proto: 'tcp', service: 'ssl' }
    expect(tryReadZeek({ _path: 'conn', ...head, ...four, ...more })).toMatchObject({
      time: 1_588_205_199_820,
      logsource: { product: 'zeek', service: 'conn' },
      ocsf: {
        class_uid: 4001,
        activity_id: 2,
        src_endpoint: { ip: '10.0.0.1', port: 50_000 },
        dst_endpoint: { ip: '192.0.2.1', port: 443 },
        traffic: { bytes_out: 39, bytes_in: 55 },
        duration: 1500,
        app_name: 'ssl',
      },
    })
    const state = (conn_state: string) => tryReadZeek({ _path: 'conn', ...head, ...four, conn_state })?.ocsf.activity_id
    expect(['S0', 'REJ', 'RSTO', 'OTH', 'toString'].map(state)).toEqual([4, 5, 3, 6, 2])
  })

  it.each([
    ['dots', four],
    ['underscores', { id_orig_h: '10.0.0.1', id_orig_p: 50_000, id_resp_h: '192.0.2.1', id_resp_p: 443 }],
    ['objects', { id: { orig_h: '10.0.0.1', orig_p: 50_000, resp_h: '192.0.2.1', resp_p: 443 } }],
  ])('has its ends written with %s', (_, written) => {
    const more = { query: 'a.example', rcode: 3, rcode_name: 'NXDOMAIN', answers: ['192.0.2.9', 7], qtype_name: 'A' }
    expect(tryReadZeek({ '@stream': 'dns', ...head, ...written, ...more })?.ocsf).toMatchObject({
      class_uid: 4003,
      src_endpoint: { ip: '10.0.0.1' },
      dst_endpoint: { ip: '192.0.2.1', port: 443 },
      query: { hostname: 'a.example', type: 'A' },
      rcode_id: 3,
      answers: [{ rdata: '192.0.2.9' }, { rdata: '7' }],
    })
  })

  it('of HTTP tells the request, of TLS the client and the certificate', () => {
    const request = { method: 'GET', host: 'h.example', uri: '/x', user_agent: 'curl/8', status_code: 404 }
    expect(tryReadZeek({ _path: 'http', ...head, ...four, ...request })?.ocsf).toMatchObject({
      class_uid: 4002,
      activity_id: 3,
      status_id: 2,
      http_request: { user_agent: 'curl/8', url: { hostname: 'h.example', url_string: '/x' } },
    })
    const hello = { server_name: 'h.example', ja3: 'aa', validation_status: 'self signed certificate', issuer: 'CN=x' }
    expect(tryReadZeek({ _path: 'ssl', ...head, ...four, ...hello })?.ocsf).toMatchObject({
      tls: { sni: 'h.example', ja3_hash: { value: 'aa' }, certificate: { issuer: 'CN=x', is_self_signed: true } },
    })
  })

  it.each([
    [{ _path: 'conn', ...four }],
    [{ _path: 'weird', ...head, ...four }],
    [{ _path: 'constructor', ...head, ...four }],
    [{ ...head, ...four }],
    [{ _path: 'conn', ...head }],
  ])('is none in %o', (record) => {
    expect(tryReadZeek(record)).toBeUndefined()
  })
})
