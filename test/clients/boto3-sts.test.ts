import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hotp, STEP_SEC, stepAt } from '../../iam/mfa/totp.ts'
import { systemClock } from '../../platform/index.ts'
import { engineUrl } from '../support/engines.ts'
import { type RunningService, startService } from '../support/service.ts'

const python = engineUrl('boto3')
const script = fileURLToPath(new URL('boto3-sts.py', import.meta.url))
const ISSUER = 'https://idp.example'

describe.skipIf(!python)('STS, judged by boto3 (needs `npm run engines`)', () => {
  let dataDir: string
  let service: RunningService

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'rampart-boto3-sts-'))
    service = await startService({ dataDir })
  })
  afterAll(async () => {
    await service.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  it('serves what a user of boto3 does', async () => {
    const { call } = service.client
    await call('/v1/iam/users', { body: { name: 'tess' } })
    const { secret } = await call<{ secret: string }>('/v1/iam/users/tess/mfa-device', { method: 'POST' })
    // Confirmed with the code of the step before, so that the one of now is still good.
    const earlier = hotp(fromBase32(secret), stepAt(systemClock.now() - STEP_SEC * 1000))
    await call('/v1/iam/users/tess/mfa-device/confirm', { body: { code: earlier } })
    const { arn, tokens } = await identityProviders()
    const file = await readFile(join(dataDir, 'bootstrap-credentials.json'), 'utf8')
    const { endpoint, accessKeyId, secretAccessKey, userName, password } = JSON.parse(file)
    const { accessToken: token } = await call<{ accessToken: string }>('/v1/iam/tokens', {
      body: { userName, password },
    })
    const given = { endpoint, accessKeyId, secretAccessKey, token, totpSecret: secret, providerArn: arn, tokens }
    const said = await promisify(execFile)(python!, [
      script,
      JSON.stringify({ ...given, issuer: ISSUER.slice('https://'.length) }),
    ]).catch((error: { stderr?: string }) => ({ stdout: String(error.stderr) }))
    expect(said.stdout.trim()).toBe('done')
  }, 60_000)

  /** One whose keys are given, one that cannot be reached, and tokens of both, right and wrong. */
  async function identityProviders() {
    const { call } = service.client
    const [own, other, elliptic] = await Promise.all([
      generateKeyPair('RS256'),
      generateKeyPair('RS256'),
      generateKeyPair('ES256'),
    ])
    const keys = [
      { ...(await exportJWK(own.publicKey)), kid: 'own' },
      { ...(await exportJWK(elliptic.publicKey)), kid: 'elliptic' },
    ]
    const { arn } = await call<{ arn: string }>('/v1/iam/identity-providers/ci', {
      method: 'PUT',
      body: { issuer: ISSUER, audiences: ['rampart'], jwks: { keys } },
    })
    const unreachable = 'https://127.0.0.1:1'
    await call('/v1/iam/identity-providers/gone', {
      method: 'PUT',
      body: { issuer: unreachable, audiences: ['rampart'] },
    })
    const nowSec = Math.floor(systemClock.now() / 1000)
    const claims = (more: JWTPayload) => ({
      iss: ISSUER,
      sub: 'repo:acme/shop',
      aud: ['elsewhere', 'rampart'],
      iat: nowSec - 10,
      exp: nowSec + 600,
      ...more,
    })
    const sign = (more: JWTPayload, { key = own.privateKey, alg = 'RS256', kid = 'own' } = {}) =>
      new SignJWT(claims(more)).setProtectedHeader({ alg, kid }).sign(key)
    return {
      arn,
      tokens: {
        good: await sign({}),
        expired: await sign({ exp: nowSec - 1 }),
        otherAudience: await sign({ aud: 'elsewhere' }),
        otherSubject: await sign({ sub: 'repo:evil/shop' }),
        otherIssuer: await sign({ iss: 'https://evil.example' }),
        otherKey: await sign({}, { key: other.privateKey }),
        otherAlgorithm: await sign({}, { key: elliptic.privateKey, alg: 'ES256', kid: 'elliptic' }),
        unreachable: await sign({ iss: unreachable }),
        none: new UnsecuredJWT(claims({})).encode(),
      },
    }
  }
})

function fromBase32(text: string): Buffer {
  const bits = [...text].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}
