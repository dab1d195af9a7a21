import { type AccountId, type Arn, iamArn } from '../platform/index.ts'
import { parsePolicy } from './policy/document.ts'
import { compilePolicy } from './policy/statement.ts'
import type { ManagedPolicy } from './types.ts'

/** Uses of keys and credentials. An administrator manages them and reads none; their own policies say who does.
 * INVARIANT (duties): Allow with NotAction, not Deny, so that such a policy can grant what this leaves out. */
const USES_OF_KEYS_AND_CREDENTIALS = [
  'kms:cmk:encrypt',
  'kms:cmk:decrypt',
  'kms:cmk:reEncrypt*',
  'kms:cmk:generateDataKey*',
  'kms:cmk:generateMac',
  'kms:cmk:verifyMac',
  'kms:cmk:sign',
  'kms:cmk:verify',
  'kms:cmk:deriveSharedSecret',
  'secrets:credential:read',
  'secrets:credential:batchRead',
  'secrets:credential:unwrap',
]

const READ = ['*:*:get*', '*:*:list*', '*:*:describe*', '*:*:search*']

const documents = {
  Administrator: {
    description: 'Every action but the use of keys and credentials',
    document: {
      Version: '5.0',
      Statement: [{ Sid: 'Administer', Effect: 'Allow', NotAction: USES_OF_KEYS_AND_CREDENTIALS, Resource: '*' }],
    },
  },
  ReadOnly: {
    description: 'Reads configuration and events, no secret and no key',
    document: { Version: '5.0', Statement: [{ Sid: 'Read', Effect: 'Allow', Action: READ, Resource: '*' }] },
  },
}

/** The managed policies every account can attach, by ARN. */
export const platformPolicies: ReadonlyMap<string, ManagedPolicy> = new Map(
  Object.entries(documents).map(([name, { description, document }]) => {
    const arn = platformPolicyArn(name)
    const text = JSON.stringify(document)
    const policy: ManagedPolicy = {
      account: 'rampart',
      name,
      id: name,
      arn,
      description,
      defaultVersion: 1,
      latestVersion: 1,
      document: text,
      compiled: compilePolicy(arn, parsePolicy(text, 'identity')),
      createdAt: 0,
    }
    return [arn, policy]
  }),
)

export function platformPolicyArn(name: string): Arn {
  return iamArn('rampart', 'policy', name)
}

/** Roles that every account has from the start. */
export function builtinRoles(account: AccountId): readonly BuiltinRole[] {
  return [
    {
      name: 'playbook-runner',
      description: 'What playbooks run as when they name no role: the built-in actions, and updating alerts',
      trust: {
        Version: '5.0',
        Statement: [{ Effect: 'Allow', Action: 'sts:role:assume', Principal: { Service: 'playbooks' } }],
      },
      policy: {
        Version: '5.0',
        Statement: [
          {
            Sid: 'BuiltInActions',
            Effect: 'Allow',
            Action: 'soar:action:invoke',
            Resource: `arn:rampart:soar:*:${account}:connection/default/*`,
          },
          {
            Sid: 'Alerts',
            Effect: 'Allow',
            Action: 'siem:alert:update',
            Resource: `arn:rampart:siem:*:${account}:alert/*`,
          },
        ],
      },
    },
  ]
}

export interface BuiltinRole {
  readonly name: string
  readonly description: string
  readonly trust: object
  readonly policy: object
}

/** What a source's token may do, before its own session policies narrow it to its pipe. */
export function sourcePolicy(account: AccountId): object {
  return {
    Version: '5.0',
    Statement: [
      {
        Sid: 'Deliver',
        Effect: 'Allow',
        Action: 'siem:record:put',
        Resource: `arn:rampart:siem:*:${account}:pipe/*`,
      },
    ],
  }
}
