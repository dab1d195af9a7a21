import { timingSafeEqual } from 'node:crypto'
import type { AlertChange, AlertChanges } from '../cases/index.ts'
import { type AccountId, type Clock, uuidv7 } from '../platform/index.ts'
import { evaluateAt, type LoadedPlaybook } from './engine/advance.ts'
import { playbookError } from './errors.ts'
import type { Evaluator } from './expressions/evaluator.ts'
import { canonicalJson } from './language/canonical.ts'
import type { Trigger } from './language/document.ts'
import { oversize } from './language/input-value.ts'
import { Outcomes, Unresolved } from './language/resolve.ts'
import { expressionsOf } from './language/template.ts'
import { hashToken, type Library } from './library.ts'
import { ALERT_CHANGES_MAX } from './limits.ts'
import { digest, type Runs, type Start, type Started } from './runs.ts'
import { enterThrottle, type PlaybookStore } from './store.ts'
import type { Json, JsonMap, Log } from './types.ts'

export interface TriggersDeps {
  readonly store: PlaybookStore
  readonly library: Library
  readonly runs: Runs
  readonly evaluator: Evaluator
  readonly alertChanges: AlertChanges
  readonly clock: Clock
  readonly log: Log
}

/** A call of a webhook, not yet known to be allowed. */
export interface HookCall {
  readonly account: AccountId | undefined
  readonly workspace: string
  readonly path: string
  readonly authorization: string | undefined
  readonly headers: { readonly [name: string]: string }
  readonly body: Buffer
  readonly idempotencyKey: string | undefined
}

/** Headers that are for the platform and not for playbooks. */
const HIDDEN_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization'])
/** Compared against where there is no hook, so that the answer takes as long. */
const NO_HOOK = hashToken('there is no such hook')
/** Kinds of entities that expressions may always ask for. */
const NO_ENTITIES = { users: [], hosts: [], ips: [] }

/** Starts runs: from alert changes, which wait in the hub until they are done, and from webhooks. */
export class Triggers {
  readonly #deps: TriggersDeps

  constructor(deps: TriggersDeps) {
    this.#deps = deps
  }

  /** Takes alert changes and starts what they start. A change is done only once its runs are durable, and names its
   * runs for ever: taking it again starts nothing twice. @returns how many were taken */
  async takeAlertChanges(): Promise<number> {
    const { alertChanges } = this.#deps
    const changes = await alertChanges.take(ALERT_CHANGES_MAX)
    const places = new Map<string, Promise<readonly AlertTrigger[]>>()
    const looked = await Promise.allSettled(
      changes.map(async (change) => {
        const place = `${change.account} ${change.workspace}`
        const known = places.get(place) ?? this.#alertTriggers(change.account, change.workspace)
        places.set(place, known)
        for (const found of await known) {
          if (found.trigger.on.includes(change.change)) await this.#onAlert(change, found)
        }
        return change.id
      }),
    )
    // One that fails does not hold up the others; it is taken again.
    const done = looked.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    if (done.length > 0) await alertChanges.done(done)
    const failed = looked.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
    return changes.length
  }

  async #alertTriggers(account: AccountId, workspace: string): Promise<readonly AlertTrigger[]> {
    const { store, library } = this.#deps
    const found: AlertTrigger[] = []
    for (const row of await store.alertTriggers(account, workspace)) {
      const loaded = await library.load(account, workspace, row.playbook_id, row.revision)
      const index = loaded.playbook.triggers.findIndex((trigger) => trigger.id === row.trigger_id)
      const trigger = loaded.playbook.triggers[index]
      if (trigger?.kind === 'alert') found.push({ loaded, trigger, index })
    }
    return found
  }

  async #onAlert(change: AlertChange, { loaded, trigger, index }: AlertTrigger): Promise<void> {
    const { account, workspace, alert, revision } = change
    const snapshot = { ...alert, entities: { ...NO_ENTITIES, ...alert.entities } } as unknown as JsonMap
    const bindings = { alert: snapshot, vars: loaded.playbook.vars }
    await this.#fire(
      { account, workspace, loaded, trigger, index },
      bindings,
      `alert/${trigger.id}/${alert.id}/${revision}`,
      trigger.where,
    )
  }

  /** @throws playbooks.hook.refused, playbooks.hook.tooLarge, playbooks.hook.invalid */
  async callHook(call: HookCall): Promise<{ readonly runId?: string }> {
    const { store, library } = this.#deps
    const { account, workspace, path } = call
    const hook = account === undefined ? undefined : await store.findHook(account, workspace, path)
    const token = /^[Bb]earer +([A-Za-z0-9_-]{1,200})$/.exec(call.authorization ?? '')?.[1] ?? ''
    const matches = timingSafeEqual(hashToken(token), hook?.token_hash ?? NO_HOOK)
    if (account === undefined || !hook || !matches) {
      throw playbookError('playbooks.hook.refused', 'there is no such hook, or its token is another')
    }
    const loaded = await library.load(account, workspace, hook.playbook_id, hook.revision)
    const index = loaded.playbook.triggers.findIndex((candidate) => candidate.id === hook.trigger_id)
    const trigger = loaded.playbook.triggers[index]
    if (trigger?.kind !== 'webhook') throw playbookError('playbooks.hook.refused', 'there is no such hook')
    if (call.body.length > trigger.bodyBytesMax) {
      throw playbookError('playbooks.hook.tooLarge', `the body is larger than ${trigger.bodyBytesMax} bytes`)
    }
    const headers = Object.fromEntries(Object.entries(call.headers).filter(([name]) => !HIDDEN_HEADERS.has(name)))
    const bindings = { body: parseBody(call.body), headers, vars: loaded.playbook.vars }
    const fired = await this.#fireHook({ account, workspace, loaded, trigger, index }, bindings, call.idempotencyKey)
    switch (fired.kind) {
      case 'started':
        return { runId: fired.runId }
      case 'held':
        return {}
      case 'wrongInputs':
        throw playbookError('playbooks.hook.invalid', 'the body does not fit the inputs of the playbook', {
          errors: fired.problems.map(({ name, message }) => ({ path: `/inputs/${name}`, message })),
        })
    }
  }

  async #fireHook(
    at: Place & { readonly trigger: Trigger & { kind: 'webhook' } },
    bindings: JsonMap,
    idempotencyKey: string | undefined,
  ): Promise<Started> {
    const { trigger, loaded } = at
    const expressions = [
      ...(trigger.dedup === undefined ? [] : [trigger.dedup]),
      ...(trigger.throttle ? [trigger.throttle.key] : []),
      ...trigger.inputs.flatMap(([, template]) => expressionsOf(template)),
    ]
    const taken = new Outcomes(await this.#evaluate(at, bindings, expressions))
    try {
      const dedup = trigger.dedup === undefined ? idempotencyKey : asKey(taken.take(trigger.dedup))
      const throttleKey = trigger.throttle ? taken.take(trigger.throttle.key) : undefined
      const given = Object.fromEntries(trigger.inputs.map(([name, template]) => [name, taken.resolve(template)]))
      const key = dedup === undefined ? `once/${uuidv7(this.#deps.clock)}` : `key/${digest(dedup)}`
      return await this.#deps.runs.start({
        ...startOf(at, `hook/${trigger.id}/${key}`, given),
        ...this.#throttle(at, throttleKey),
      })
    } catch (error) {
      if (!(error instanceof Unresolved)) throw error
      this.#deps.log.info({ playbookId: loaded.playbook.id, trigger: trigger.id }, 'a webhook body did not fit')
      return { kind: 'wrongInputs', problems: [{ name: '', message: error.message }] }
    }
  }

  /** Starts the run of an alert trigger, if its condition holds. What cannot be evaluated is no reason to start; what
   * starts and does not fit the inputs is a failed run that somebody can see. */
  async #fire(at: Place, bindings: JsonMap, triggerKey: string, where: string | undefined): Promise<void> {
    const { trigger, loaded } = at
    const expressions = [
      ...(where === undefined ? [] : [where]),
      ...(trigger.throttle ? [trigger.throttle.key] : []),
      ...trigger.inputs.flatMap(([, template]) => expressionsOf(template)),
    ]
    const outcomes = await this.#evaluate(at, bindings, expressions)
    if (where !== undefined) {
      const [condition] = outcomes
      if (condition?.ok === false && condition.absent !== true) {
        const named = { playbookId: loaded.playbook.id, trigger: trigger.id, problem: condition.message }
        this.#deps.log.warn(named, 'the condition of a trigger could not be evaluated')
      }
      if (!condition?.ok || condition.value !== true) return
    }
    const taken = new Outcomes(outcomes.slice(where === undefined ? 0 : 1))
    try {
      const throttleKey = trigger.throttle ? taken.take(trigger.throttle.key) : undefined
      const given = Object.fromEntries(trigger.inputs.map(([name, template]) => [name, taken.resolve(template)]))
      const start = { ...startOf(at, triggerKey, given), ...this.#throttle(at, throttleKey) }
      const started = await this.#deps.runs.start(start)
      if (started.kind !== 'wrongInputs') return
      const said = started.problems.map(({ name, message }) => `input \`${name}\` ${message}`).join('; ')
      await this.#deps.runs.refuse(start, said)
    } catch (error) {
      if (!(error instanceof Unresolved)) throw error
      await this.#deps.runs.refuse(startOf(at, triggerKey, {}), error.message)
    }
  }

  #evaluate(at: Place, bindings: JsonMap, expressions: readonly string[]) {
    const site = { kind: 'trigger', trigger: at.index } as const
    const now = this.#deps.clock.now()
    return evaluateAt(this.#deps.evaluator, at.loaded, at.account, site, expressions, now, () => bindings)
  }

  #throttle(at: Place, key: Json | undefined): Pick<Start, 'admit'> {
    const { throttle, id } = at.trigger
    if (!throttle) return {}
    const place = {
      account: at.account,
      workspace: at.workspace,
      playbookId: at.loaded.playbook.id,
      triggerId: id,
      keyHash: digest(canonicalJson(key ?? null)),
    }
    const now = this.#deps.clock.now()
    return { admit: (tx) => enterThrottle(tx, place, throttle.perMs, now) }
  }
}

interface Place {
  readonly account: AccountId
  readonly workspace: string
  readonly loaded: LoadedPlaybook
  readonly trigger: Trigger
  /** Its place among the playbook's triggers. */
  readonly index: number
}

interface AlertTrigger {
  readonly loaded: LoadedPlaybook
  readonly trigger: Trigger & { kind: 'alert' }
  readonly index: number
}

function startOf({ account, workspace, loaded, trigger }: Place, triggerKey: string, given: JsonMap): Start {
  const kind = trigger.kind === 'alert' ? 'alert' : 'webhook'
  const origin = { kind, trigger: trigger.id, startedBy: `trigger/${trigger.id}` } as const
  return { account, workspace, loaded, triggerId: trigger.id, triggerKey, origin, given }
}

/** JSON where it is, else text. @throws playbooks.hook.invalid where it nests too deeply */
function parseBody(body: Buffer): Json {
  const text = body.toString('utf8')
  if (text.trim() === '') return null
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return text
  }
  const problem = oversize(value)
  if (problem) throw playbookError('playbooks.hook.invalid', `the body ${problem}`)
  return value
}

function asKey(value: Json): string {
  return typeof value === 'string' ? value : canonicalJson(value)
}
