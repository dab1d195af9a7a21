import type { AccountId, Clock } from '../../platform/index.ts'
import type { Changes } from '../changes.ts'
import type { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import { DEVICES_MAX, SESSIONS_LISTED_MAX } from '../limits.ts'
import type { Device, User } from '../types.ts'
import type { SessionStore } from './store.ts'

export interface SessionsDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly store: SessionStore
  readonly clock: Clock
}

/** A sign-in of a user that is not over. */
export interface Session {
  readonly id: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly revokedAt?: number
  readonly method?: string
  readonly sourceIp?: string
  readonly userAgent?: string
  readonly device?: string
}

export interface DeviceInput {
  readonly name: string
  readonly managed: boolean
  readonly posture: string
  /** The only user whose sessions may be on it. */
  readonly userName?: string
}

/** The sessions of users, and the devices they are on. A device is never what a caller says of itself: who watches over
 * devices registers them and says which session is on which. */
export class Sessions {
  readonly #deps: SessionsDeps

  constructor(deps: SessionsDeps) {
    this.#deps = deps
  }

  /** Newest first; at most the newest `SESSIONS_LISTED_MAX`. @throws iam.thing.absent */
  async list(account: AccountId, userName: string): Promise<Session[]> {
    const user = this.#user(account, userName)
    const now = this.#deps.clock.now()
    const rows = await this.#deps.store.ofUser(account, userName, { now, countMax: SESSIONS_LISTED_MAX })
    return rows
      .filter((row) => row.created_at >= user.tokensValidAfter)
      .map(({ id, created_at, expires_at, revoked_at, method, source_ip, user_agent, device }) => ({
        id,
        createdAt: created_at,
        expiresAt: expires_at,
        ...(revoked_at === null ? {} : { revokedAt: revoked_at }),
        ...(method === null ? {} : { method }),
        ...(source_ip === null ? {} : { sourceIp: source_ip }),
        ...(user_agent === null ? {} : { userAgent: user_agent }),
        ...(device === null ? {} : { device }),
      }))
  }

  /** One session, at its next request. @throws iam.thing.absent */
  async revoke(account: AccountId, userName: string, id: string): Promise<void> {
    const revoked_at = this.#deps.clock.now()
    const found = await this.#deps.changes.run(account, (write) =>
      write.sessions.update({ id, userName }, { revoked_at }),
    )
    if (!found) throw absentSession(userName)
  }

  /** Says which device a session is on, or with undefined that it is on none that is known.
   * @throws iam.thing.absent, iam.device.ofOther */
  async bind(account: AccountId, session: { readonly userName: string; readonly id: string }, device?: string) {
    const user = this.#user(account, session.userName)
    await this.#deps.changes.run(account, async (write) => {
      if (device !== undefined) {
        const row = await write.sessions.device(device)
        if (!row) throw absentDevice(device)
        if (row.user_id !== null && row.user_id !== user.id) {
          throw iamError('iam.device.ofOther', `the device \`${device}\` is registered for another user`)
        }
      }
      if (!(await write.sessions.update(session, { device: device ?? null }))) throw absentSession(session.userName)
    })
  }

  /** Sorted by id. */
  devices(account: AccountId): Device[] {
    return [...(this.#deps.directory.stateOf(account)?.devices.values() ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** @throws iam.thing.absent */
  device(account: AccountId, id: string): Device {
    const device = this.#deps.directory.findDevice(account, id)
    if (!device) throw absentDevice(id)
    return device
  }

  /** Registers a device or says anew what it is; counts at the next decision about its sessions.
   * @throws iam.thing.absent, iam.limit.reached */
  async putDevice(account: AccountId, id: string, input: DeviceInput): Promise<Device> {
    const owner = input.userName === undefined ? undefined : this.#user(account, input.userName)
    const now = this.#deps.clock.now()
    await this.#deps.changes.run(account, async (write) => {
      if (!(await write.sessions.device(id)) && (await write.sessions.countDevices()) >= DEVICES_MAX) {
        throw iamError('iam.limit.reached', `an account has at most ${DEVICES_MAX} devices`)
      }
      await write.sessions.putDevice({
        id,
        name: input.name,
        user_id: owner?.id ?? null,
        managed: input.managed ? 1 : 0,
        posture: input.posture,
        created_at: now,
        updated_at: now,
      })
    })
    return this.device(account, id)
  }

  /** Its sessions go on, on no device. @throws iam.thing.absent */
  async deleteDevice(account: AccountId, id: string): Promise<void> {
    if (!(await this.#deps.changes.run(account, (write) => write.sessions.deleteDevice(id)))) throw absentDevice(id)
  }

  #user(account: AccountId, userName: string): User {
    const user = this.#deps.directory.findUser(account, userName)
    if (!user) throw iamError('iam.thing.absent', `there is no user \`${userName}\``)
    return user
  }
}

function absentSession(userName: string) {
  return iamError('iam.thing.absent', `\`${userName}\` has no such session`)
}

function absentDevice(id: string) {
  return iamError('iam.thing.absent', `there is no device \`${id.slice(0, 128)}\``)
}
