import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type Api, auditAs, parseAccountId, type RampartError } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import { WEBAUTHN_BODY_BYTES_MAX } from '../limits.ts'
import { closed } from '../routes/forms.ts'
import { OPEN_SESSION } from '../sign-in.ts'
import type { User } from '../types.ts'
import { type Answer, answerInteraction, type InteractionRequest, showInteraction } from './interactions.ts'
import { contentSecurityPolicy, messagePage, pageHeaders } from './pages.ts'
import type { Oidc } from './provider.ts'

const accountParam = Type.String({ pattern: '^[0-9]{12}$' })
const interactionParams = closed({ account: accountParam, uid: Type.String({ maxLength: 64 }) })
const tags = ['oidc']

/** `/oidc/<accountId>`: discovery, keys, tokens, and the pages where users sign in. */
export function oidcRoutes(oidc: Oidc, { publicUrl }: { readonly publicUrl: () => string }) {
  const prepare = async (request: FastifyRequest, account: string) => {
    const url = publicUrl()
    const id = parseAccountId(account)
    const provider = url === '' ? undefined : await oidc.provider(id, url)
    if (!provider) throw iamError('iam.thing.absent', 'no such issuer')
    takeOrigin(request, url)
    return { account: id, provider }
  }
  const interactionOf = async (
    request: FastifyRequest,
    reply: FastifyReply,
    params: { account: string; uid: string },
  ): Promise<InteractionRequest> => ({
    ...(await prepare(request, params.account)),
    oidc,
    origin: new URL(publicUrl()).origin,
    uid: params.uid,
    req: request.raw,
    res: reply.raw,
  })

  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/oidc/:account/interaction/:uid',
      config: { access: { public: 'this is where a user proves who it is, in a browser' } },
      schema: { summary: 'Page of a sign-in or consent under way', tags, params: interactionParams },
      handler: async (request, reply) =>
        send(reply, await showInteraction(await interactionOf(request, reply, request.params))),
    })

    api.route({
      method: 'POST',
      url: '/oidc/:account/interaction/:uid',
      config: { access: { public: 'this is where a user proves who it is, in a browser' } },
      bodyLimit: WEBAUTHN_BODY_BYTES_MAX,
      schema: {
        summary: 'Answers a sign-in or consent under way',
        tags,
        params: interactionParams,
        consumes: ['application/x-www-form-urlencoded'],
      },
      handler: async (request, reply) => {
        requireOurOrigin(request, publicUrl())
        const form = new URLSearchParams(request.rawBody?.toString('utf8') ?? '')
        const interaction = await interactionOf(request, reply, request.params)
        const onSignIn = (user?: User, error?: RampartError) => {
          auditAs(request, { action: OPEN_SESSION, ...(user ? { caller: user, resources: [user.arn] } : {}) })
          if (error && request.guarded) request.guarded.errorCode = error.code
        }
        return send(reply, await answerInteraction(interaction, { form, sourceIp: request.ip, onSignIn }))
      },
    })

    api.register(async (scope) => {
      // The provider reads bodies itself.
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
      scope.route({
        method: ['GET', 'POST', 'OPTIONS'],
        url: '/oidc/:account/*',
        config: {
          access: { public: 'OpenID Connect: each endpoint authenticates clients and users by its own protocol' },
        },
        schema: {
          summary: 'OpenID Connect provider',
          description: 'Its endpoints are in `.well-known/openid-configuration`.',
          tags,
          params: closed({ account: accountParam, '*': Type.String() }),
        },
        handler: async (request, reply) => {
          const { account } = request.params as { account: string }
          const { provider } = await prepare(request, account)
          const { raw } = request
          const mount = `/oidc/${account}`
          raw.url = (raw.url ?? '').slice(mount.length)
          // What it puts before its paths, as Express and Koa say it.
          Object.assign(raw, { baseUrl: mount })
          reply.hijack()
          const headers = { ...pageHeaders, 'content-security-policy': contentSecurityPolicy('anywhere') }
          for (const [name, value] of Object.entries({ ...headers, 'x-request-id': request.id })) {
            reply.raw.setHeader(name, value)
          }
          await provider.callback()(raw, reply.raw)
        },
      })
    })
  }
}

/** Where the provider finds itself and its caller is not for the request to say. */
function takeOrigin(request: FastifyRequest, publicUrl: string): void {
  const { host, protocol } = new URL(publicUrl)
  const { headers } = request.raw
  delete headers['x-forwarded-host']
  headers.host = host
  headers['x-forwarded-proto'] = protocol.slice(0, -1)
  headers['x-forwarded-for'] = request.ip
}

/** Browsers say where a form comes from. @throws iam.signIn.foreignForm */
function requireOurOrigin(request: FastifyRequest, publicUrl: string): void {
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  const foreign = (origin !== undefined && origin !== new URL(publicUrl).origin) || site === 'cross-site'
  if (foreign) throw iamError('iam.signIn.foreignForm', 'this form is answered from the page it is on')
}

function send(reply: FastifyReply, answer: Answer | undefined): FastifyReply {
  reply.headers(pageHeaders)
  if (answer && 'location' in answer) return reply.redirect(answer.location, 303)
  const shown = answer ?? {
    status: 400,
    page: messagePage('That took too long', 'Go back to the application and sign in again.'),
    formTargets: [],
  }
  return reply
    .code(shown.status)
    .header(
      'content-security-policy',
      contentSecurityPolicy(shown.formTargets, 'script' in shown ? shown.script : undefined),
    )
    .type('text/html; charset=utf-8')
    .send(shown.page)
}
