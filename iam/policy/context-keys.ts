export const contextKeyTypes = ['string', 'number', 'boolean', 'date', 'ip', 'arn', 'strings', 'timeOfDay'] as const
export type ContextKeyType = (typeof contextKeyTypes)[number]

/** Who gives a key its value; only `caller` values can be chosen by whoever sends the request. */
export type ContextKeyOwner = 'subject' | 'resource' | 'environment' | 'request' | 'caller'

export interface ContextKey {
  /** As documents spell it; a trailing `/` or `:` opens a family, as in `g:PrincipalTag/team`. */
  readonly name: string
  readonly type: ContextKeyType
  readonly owner: ContextKeyOwner
}

const key = (name: string, type: ContextKeyType, owner: ContextKeyOwner): ContextKey => ({ name, type, owner })

/** Every declared key. A key that is not here may stand in a policy, with a lint. */
export const contextKeys: readonly ContextKey[] = [
  key('g:PrincipalArn', 'arn', 'subject'),
  key('g:PrincipalId', 'string', 'subject'),
  key('g:PrincipalType', 'string', 'subject'),
  key('g:PrincipalAccount', 'string', 'subject'),
  key('g:PrincipalOrgId', 'string', 'subject'),
  key('g:PrincipalOrgPath', 'string', 'subject'),
  key('g:PrincipalCreatedAt', 'date', 'subject'),
  key('g:PrincipalTag/', 'string', 'subject'),
  key('g:UserName', 'string', 'subject'),
  key('g:UserId', 'string', 'subject'),
  key('g:DomainName', 'string', 'subject'),
  key('g:Groups', 'strings', 'subject'),
  key('g:MFAPresent', 'boolean', 'subject'),
  key('g:MFAAge', 'number', 'subject'),
  key('g:AuthMethod', 'string', 'subject'),
  key('g:TokenIssueTime', 'date', 'subject'),
  key('g:SourceIdentity', 'string', 'subject'),
  key('g:RoleSessionName', 'string', 'subject'),
  key('g:FederatedProvider', 'string', 'subject'),
  key('g:ResourceTag/', 'string', 'resource'),
  key('g:ResourceArn', 'string', 'resource'),
  key('g:ResourceAccount', 'string', 'resource'),
  key('g:ResourceOrgId', 'string', 'resource'),
  key('g:ResourceOrgPath', 'string', 'resource'),
  key('g:ResourceCreatedAt', 'date', 'resource'),
  key('g:ResourceName', 'string', 'resource'),
  key('g:ResourceOwner', 'string', 'resource'),
  key('g:ResourceSensitivity', 'string', 'resource'),
  key('g:EnterpriseProjectId', 'string', 'resource'),
  key('g:SourceIp', 'ip', 'environment'),
  key('g:CurrentTime', 'date', 'environment'),
  key('g:EpochTime', 'number', 'environment'),
  key('g:TimeOfDay', 'timeOfDay', 'environment'),
  key('g:DayOfWeek', 'string', 'environment'),
  key('g:SecureTransport', 'boolean', 'environment'),
  key('g:TlsClientCertSubject', 'string', 'environment'),
  key('g:DeviceId', 'string', 'environment'),
  key('g:DeviceManaged', 'boolean', 'environment'),
  key('g:DevicePosture', 'string', 'environment'),
  key('g:ViaService', 'boolean', 'environment'),
  key('g:CalledVia', 'strings', 'environment'),
  key('g:RequestedRegion', 'string', 'environment'),
  key('g:IncidentId', 'string', 'environment'),
  key('g:ApprovalId', 'string', 'environment'),
  key('g:UserAgent', 'string', 'caller'),
  key('g:Referer', 'string', 'caller'),
  key('g:RequestTag/', 'string', 'request'),
  key('g:TagKeys', 'strings', 'request'),
  key('iam:PassedToService', 'string', 'request'),
  key('iam:PolicyArn', 'arn', 'request'),
  key('sts:ExternalId', 'string', 'request'),
  key('sts:RoleSessionName', 'string', 'request'),
  key('sts:SourceIdentity', 'string', 'request'),
  key('kms:EncryptionContext:', 'string', 'request'),
  key('kms:EncryptionContextKeys', 'strings', 'request'),
  key('kms:GrantIsForService', 'boolean', 'request'),
  key('kms:ScheduleKeyDeletionPendingWindowInDays', 'number', 'request'),
  key('secrets:VersionStage', 'string', 'request'),
  key('pca:TemplateName', 'string', 'request'),
  key('pca:SubjectAlternativeName', 'strings', 'request'),
  key('siem:Pipe', 'string', 'request'),
  key('soar:PlaybookId', 'string', 'request'),
]

/** Other spellings, in lower case. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['g:domainid', 'g:principalaccount'],
  ['g:multifactorauthpresent', 'g:mfapresent'],
  ['g:multifactorauthage', 'g:mfaage'],
  ['g:viaawsservice', 'g:viaservice'],
  ['g:principalorgpaths', 'g:principalorgpath'],
  ['g:resourceorgpaths', 'g:resourceorgpath'],
])

const exact = new Map(contextKeys.map((entry) => [entry.name.toLowerCase(), entry]))
const families = contextKeys.filter((entry) => /[/:]$/.test(entry.name))

/** The one spelling under which a key is looked up: lower case, `aws:` read as `g:`. Names of keys ignore case. */
export function canonicalKey(name: string): string {
  const lower = name.toLowerCase()
  const ours = lower.startsWith('aws:') ? `g:${lower.slice(4)}` : lower
  return aliases.get(ours) ?? ours
}

/** What is declared about a key given in canonical spelling, if anything is. */
export function findContextKey(canonical: string): ContextKey | undefined {
  return exact.get(canonical) ?? families.find((family) => isIn(family, canonical))
}

function isIn(family: ContextKey, canonical: string): boolean {
  return canonical.length > family.name.length && canonical.startsWith(family.name.toLowerCase())
}

/** Keys only the platform may set: nobody who asks for a decision can claim them. */
export function isPlatformKey(canonical: string): boolean {
  return canonical.startsWith('g:')
}
