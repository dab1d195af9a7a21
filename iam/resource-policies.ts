import { StatementList } from './decision/statement-list.ts'
import { RESOURCE_POLICIES_REMEMBERED_MAX } from './limits.ts'
import { parsePolicy } from './policy/document.ts'
import { compilePolicy } from './policy/statement.ts'
import { Remembered } from './remembered.ts'

/** The policy that stands on a resource itself. */
export interface ResourcePolicy {
  /** JSON text with a Principal in each statement. */
  readonly document: string
}

/** Finds the policies of one service's resources. Declared here, kept by the folder that owns the resources. */
export interface ResourcePolicySource {
  /** True where identity policies alone never suffice (keys, CAs): the resource's own policy must allow, or name the
   * account, which hands the decision to the account's identity policies. */
  readonly required: boolean
  /** undefined where the resource has none, or is not there. */
  find(resourceArn: string): Promise<ResourcePolicy | undefined>
}

/** What stands on a resource, as a decision sees it. */
export interface ResourceLayer {
  readonly list: StatementList | undefined
  readonly required: boolean
}

const NONE: ResourceLayer = { list: undefined, required: false }

/** The sources by service, and what they found, compiled. */
export class ResourcePolicies {
  readonly #sources = new Map<string, ResourcePolicySource>()
  readonly #compiled = new Remembered<string, StatementList>(RESOURCE_POLICIES_REMEMBERED_MAX)

  provide(service: string, source: ResourcePolicySource): void {
    this.#sources.set(service, source)
  }

  /** Whether identity policies alone never suffice for a service's resources. */
  isRequired(service: string): boolean {
    return this.#sources.get(service)?.required ?? false
  }

  /** @throws iam.policy.malformed where what is stored cannot be read; the decision is refused */
  async find(resourceArn: string): Promise<ResourceLayer> {
    const service = resourceArn.split(':', 3)[2] ?? ''
    const source = this.#sources.get(service)
    if (!source) return NONE
    const policy = await source.find(resourceArn)
    return { list: policy && this.#compile(resourceArn, policy.document), required: source.required }
  }

  #compile(arn: string, document: string): StatementList {
    const key = `${arn}\n${document}`
    const known = this.#compiled.get(key)
    if (known) return known
    const list = new StatementList([compilePolicy(arn, parsePolicy(document, 'resource'))])
    this.#compiled.set(key, list)
    return list
  }
}
