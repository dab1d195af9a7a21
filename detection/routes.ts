import { Type } from 'typebox'
import { type AccountId, type Api, contextOf, etagOf, formatInstant } from '../platform/index.ts'
import {
  IMPORT_PACKED_BYTES_MAX,
  LIST_FILTER_CHARS_MAX,
  PAGE_ITEMS_DEFAULT,
  PAGE_ITEMS_MAX,
  RULE_FILE_BYTES_MAX,
} from './limits.ts'
import type { Rules } from './rules.ts'
import { type Problem, printProblem } from './sigma/problem.ts'
import type { StoredRule } from './store.ts'
import { severities } from './types.ts'

export interface RuleRouteDeps {
  /** What a list's `filter` means. @throws what the caller is told */
  readonly compileFilter: (text: string) => (item: Readonly<Record<string, unknown>>) => boolean
  /** @throws what the caller is told where there is no such workspace */
  readonly requireWorkspace: (account: AccountId, workspace: string) => Promise<unknown>
}

const workspaceParams = Type.Object({ ws: Type.String() })
const ruleParams = Type.Object({ ws: Type.String(), id: Type.String() })
const ifMatch = Type.Object({ 'if-match': Type.Optional(Type.String({ maxLength: 1024 })) })
const ofRule = 'arn:rampart:siem:{region}:{account}:rule/{ws}/{id}'
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['rules']

const summary = {
  id: Type.String(),
  kind: Type.Enum(['rule', 'correlation', 'filter']),
  title: Type.String(),
  severity: Type.Enum([...severities]),
  createdAt: Type.String(),
  updatedAt: Type.String(),
}
const listedSchema = Type.Object(summary)
const ruleSchema = Type.Object({ ...summary, text: Type.String({ description: 'Sigma, as it was put.' }) })
const putSchema = Type.Object({
  ...summary,
  warnings: Type.Array(Type.String(), { description: 'What is doubtful in it, by line.' }),
})
const importSchema = Type.Object({
  imported: Type.Integer(),
  refused: Type.Array(
    Type.Object({
      file: Type.String(),
      id: Type.String(),
      title: Type.String(),
      reasons: Type.Array(Type.String()),
    }),
  ),
})

/** `/v1/workspaces/{ws}/rules`. */
export function ruleRoutes(rules: Rules, deps: RuleRouteDeps) {
  return (api: Api): void => {
    const placeOf = async (account: AccountId, workspace: string) => {
      await deps.requireWorkspace(account, workspace)
      return { account, workspace }
    }

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/rules/:id',
      bodyLimit: 16 * RULE_FILE_BYTES_MAX,
      config: { access: { action: 'siem:rule:put', resource: ofRule } },
      schema: {
        summary: 'Puts a Sigma rule, correlation or filter; it is live when this answers',
        description: 'The body is one YAML document. Its `id`, where it has one, is that of the path.',
        tags,
        params: ruleParams,
        headers: ifMatch,
        response: { 200: putSchema },
      },
      handler: async (request, reply) => {
        const { ws, id } = request.params
        const place = await placeOf(contextOf(request).principal.account, ws)
        const { rule, warnings } = await rules.put(place, id, bodyText(request.body), request.headers['if-match'])
        reply.header('etag', etagOf(rule.revision))
        return { ...toAnswer(rule), warnings: warnings.map((warning: Problem) => printProblem(warning)) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rules/:id',
      config: { access: { action: 'siem:rule:get', resource: ofRule } },
      schema: { summary: 'Gets a rule', tags, params: ruleParams, response: { 200: ruleSchema } },
      handler: async (request, reply) => {
        const { ws, id } = request.params
        const rule = await rules.get(await placeOf(contextOf(request).principal.account, ws), id)
        reply.header('etag', etagOf(rule.revision))
        return { ...toAnswer(rule), text: rule.text }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rules',
      config: { access: { action: 'siem:rule:list', resource: ofWorkspace } },
      schema: {
        summary: 'Lists rules by id',
        tags,
        params: workspaceParams,
        querystring: Type.Object({
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT })),
          cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
          filter: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: LIST_FILTER_CHARS_MAX,
              description: "PPL, such as `severity = 'high' and kind = 'correlation'`",
            }),
          ),
        }),
        response: { 200: Type.Object({ items: Type.Array(listedSchema), nextCursor: Type.Optional(Type.String()) }) },
      },
      handler: async (request) => {
        const { limit = PAGE_ITEMS_DEFAULT, cursor, filter } = request.query
        const fits = filter === undefined ? undefined : deps.compileFilter(filter)
        const place = await placeOf(contextOf(request).principal.account, request.params.ws)
        const listed = await rules.list(place, {
          limit,
          ...(cursor === undefined ? {} : { cursor }),
          ...(fits ? { matches: (rule: StoredRule) => fits(toAnswer(rule)) } : {}),
        })
        return { ...listed, items: listed.items.map(toAnswer) }
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/workspaces/:ws/rules/:id',
      config: { access: { action: 'siem:rule:delete', resource: ofRule } },
      schema: {
        summary: 'Deletes a rule; it matches nothing more when this answers',
        tags,
        params: ruleParams,
        headers: ifMatch,
        response: { 204: Type.Null() },
      },
      handler: async (request, reply) => {
        const { ws, id } = request.params
        await rules.delete(await placeOf(contextOf(request).principal.account, ws), id, request.headers['if-match'])
        return reply.code(204).send(null)
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/rules::import',
      bodyLimit: IMPORT_PACKED_BYTES_MAX,
      config: { access: { action: 'siem:rule:put', resource: ofWorkspace } },
      schema: {
        summary: 'Imports a folder of rules',
        description:
          'The body is a .tar.gz of a tree. What can be used is taken together; the rest is told, with reasons.',
        tags,
        params: workspaceParams,
        response: { 200: importSchema },
      },
      handler: async (request) => {
        const place = await placeOf(contextOf(request).principal.account, request.params.ws)
        const { imported, refused } = await rules.import(place, bodyBytes(request.body))
        return { imported, refused: refused.map((refusal) => ({ ...refusal, reasons: [...refusal.reasons] })) }
      },
    })
  }
}

function toAnswer({ id, kind, title, severity, createdAt, updatedAt }: StoredRule) {
  return { id, kind, title, severity, createdAt: formatInstant(createdAt), updatedAt: formatInstant(updatedAt) }
}

function bodyBytes(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}

function bodyText(body: unknown): string {
  // A rule sent as JSON is YAML, too, but arrives parsed.
  return Buffer.isBuffer(body) ? body.toString('utf8') : JSON.stringify(body ?? '')
}
