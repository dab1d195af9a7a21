import type { AccountId } from '../platform/index.ts'
import { type ApplicationInput, ApplicationWorld } from './applications/world.ts'
import type { Changes } from './changes.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { APPLICATIONS_MAX } from './limits.ts'

export interface ApplicationsDeps {
  readonly directory: Directory
  readonly changes: Changes
}

/** Letters that can stand in an action and in the service field of a name. */
const NAME = /^[a-z][a-z0-9-]{1,62}$/
/** Services of the platform: their actions and names are not an application's to speak of. */
const RESERVED = new Set([
  'iam',
  'sts',
  'eps',
  'org',
  'siem',
  'soar',
  'kms',
  'secrets',
  'secretsmanager',
  'pca',
  'acm-pca',
  'scm',
  'audit',
  'compliance',
  'platform',
  'rampart',
  'aws',
  'g',
  'arn',
])

/** Applications of an account: the worlds of components that know nothing of ours. */
export class Applications {
  readonly #deps: ApplicationsDeps

  constructor(deps: ApplicationsDeps) {
    this.#deps = deps
  }

  list(account: AccountId): ApplicationWorld[] {
    const worlds = this.#deps.directory.stateOf(account)?.applications.values() ?? []
    return [...worlds].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** @throws iam.thing.absent */
  get(account: AccountId, name: string): ApplicationWorld {
    const world = this.#deps.directory.stateOf(account)?.applications.get(name)
    if (!world) throw iamError('iam.thing.absent', `there is no application \`${name}\``)
    return world
  }

  /** Makes or replaces an application as a whole. @throws iam.name.malformed, iam.policy.malformed, iam.limit.reached */
  async put(account: AccountId, name: string, input: ApplicationInput): Promise<ApplicationWorld> {
    if (!NAME.test(name) || RESERVED.has(name)) {
      throw iamError(
        'iam.name.malformed',
        `\`${name.slice(0, 80)}\` cannot name an application: lower-case letters, digits and -, and no service of ours`,
      )
    }
    // Compiled before anything is stored, so that what is wrong is refused here.
    new ApplicationWorld(account, name, input)
    await this.#deps.changes.run(account, async (write) => {
      const names = await write.applicationNames()
      if (!names.includes(name) && names.length >= APPLICATIONS_MAX) {
        throw iamError('iam.limit.reached', `an account has at most ${APPLICATIONS_MAX} applications`)
      }
      await write.putApplication(name, JSON.stringify(input))
    })
    return this.get(account, name)
  }

  /** @throws iam.thing.absent */
  async delete(account: AccountId, name: string): Promise<void> {
    if (!(await this.#deps.changes.run(account, (write) => write.deleteApplication(name)))) {
      throw iamError('iam.thing.absent', `there is no application \`${name}\``)
    }
  }
}
