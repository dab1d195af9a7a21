import { defineErrors } from './errors.ts'

/** Twelve digits; the tenant. Made only by `parseAccountId`. */
export type AccountId = string & { readonly __brand: 'AccountId' }

/** `arn:rampart:<service>:<region>:<account>:<type>/<path>`. Made only by `parseArn` and `formatArn`. */
export type Arn = string & { readonly __brand: 'Arn' }

export interface ArnParts {
  readonly service: string
  /** Empty for IAM names. */
  readonly region: string
  /** An account id, or `rampart` for what the platform itself brings. */
  readonly account: string
  /** `<type>/<path>`; may hold `:` and further `/`. */
  readonly resource: string
}

/** The one region of an embedded installation. */
export const REGION = 'local'

const arnError = defineErrors({
  'platform.account.malformed': { status: 400, title: 'Not an account id' },
  'platform.arn.malformed': { status: 400, title: 'Not a resource name' },
})

/** @throws platform.account.malformed */
export function parseAccountId(text: string): AccountId {
  if (!/^[0-9]{12}$/.test(text)) {
    throw arnError('platform.account.malformed', `\`${text.slice(0, 40)}\` is not an account id: 12 digits are`)
  }
  return text as AccountId
}

export function formatArn(parts: ArnParts): Arn {
  return `arn:rampart:${parts.service}:${parts.region}:${parts.account}:${parts.resource}` as Arn
}

/** The parts of a resource name. @throws platform.arn.malformed */
export function parseArn(text: string): ArnParts {
  const fields = text.split(':')
  const [arn, partition, service, region, account] = fields
  const resource = fields.slice(5).join(':')
  if (arn !== 'arn' || partition !== 'rampart' || !service || account === undefined || !resource) {
    throw arnError(
      'platform.arn.malformed',
      `\`${text.slice(0, 200)}\` is not a resource name of the form arn:rampart:<service>:<region>:<account>:<type>/<path>`,
    )
  }
  return { service, region: region ?? '', account, resource }
}

/** An IAM name, which carries no region: `arn:rampart:iam::<account>:<type>/<name>`. */
export function iamArn(account: AccountId | 'rampart', type: string, name: string): Arn {
  return formatArn({ service: 'iam', region: '', account, resource: `${type}/${name}` })
}
