import { isIP } from 'node:net'
import type { Event } from '../../../pipeline/index.ts'
import type { Hello } from '../entities/rare-client.ts'
import { hostOf, isInside, memberOf, nameOf } from './members.ts'

/** A program of the inside that speaks TLS or HTTP to somebody; what others have on our own servers is theirs. */
export function readHello({ ocsf }: Event, at: number): Hello | undefined {
  const source = nameOf(memberOf(ocsf.src_endpoint, 'ip'))
  const host = hostOf(ocsf.dst_endpoint)
  if (source === undefined || host === undefined || !isInside(source)) return undefined
  const { tls } = ocsf
  const request = ocsf.http_request
  const agent = nameOf(memberOf(request, 'user_agent'))
  const signature =
    nameOf(memberOf(memberOf(tls, 'ja3_hash'), 'value')) ?? (agent === undefined ? undefined : `agent ${agent}`)
  if (signature === undefined) return undefined
  const asked = nameOf(memberOf(tls, 'sni')) ?? nameOf(memberOf(memberOf(request, 'url'), 'hostname')) ?? ''
  const port = nameOf(memberOf(ocsf.dst_endpoint, 'port'))
  return {
    ...{ at, source, signature },
    destination: port === undefined ? host : `${host}:${port}`,
    serverName: isIP(asked) === 0 ? asked : '',
    selfSigned: memberOf(memberOf(tls, 'certificate'), 'is_self_signed') === true,
  }
}
