import { randomBytes } from 'node:crypto'
import {
  type AccountId,
  type Authenticator,
  type Authorizer,
  type AuthzRequest,
  type Clock,
  type Database,
  type Decision,
  type Metrics,
  type Principal,
  parseAccountId,
  type Sealer,
} from '../platform/index.ts'
import { AccessRequests } from './access/access-requests.ts'
import { type BreakGlassAlarm, BreakGlassUsers } from './access/break-glass.ts'
import { AccessStore } from './access/store.ts'
import { AccessKeys, makeAccessKeyId, makeSecretAccessKey } from './access-keys.ts'
import { AccessTokens } from './access-tokens.ts'
import { type AccountListener, insertAdministrator, openAccount } from './accounts.ts'
import { Analysis } from './analysis/analysis.ts'
import { type WhoCanInput, whoCan } from './analysis/who-can.ts'
import { Applications } from './applications.ts'
import { type AssumedRole, type AssumeRoleInput, assumeRole } from './assume-role.ts'
import { Attachments } from './attachments.ts'
import { accessKeyPurpose, IamAuthenticator } from './authenticator.ts'
import { IamAuthorizer } from './authorizer.ts'
import { Changes } from './changes.ts'
import { createCasbinEvaluator } from './decision/casbin.ts'
import { type Explanation, explain } from './decision/explain.ts'
import { nativeEvaluator } from './decision/native.ts'
import { DecisionLog } from './decision-log/decision-log.ts'
import { decisionMetrics } from './decision-log/metrics.ts'
import { readDecision, type VisibleDecision } from './decision-log/read-decision.ts'
import { Uses } from './decision-log/uses.ts'
import { Directory } from './directory.ts'
import { Groups } from './groups.ts'
import { Mfa } from './mfa/mfa.ts'
import { MfaStore } from './mfa/store.ts'
import { Oidc } from './oidc/provider.ts'
import { OidcStore } from './oidc/store.ts'
import { Organizations } from './organization/organizations.ts'
import { PasswordPolicies } from './password-policy/password-policies.ts'
import { PasswordPolicyStore } from './password-policy/store.ts'
import { Passwords } from './passwords.ts'
import { Policies } from './policies.ts'
import type { CompiledPolicy } from './policy/statement.ts'
import { PolicyViews } from './policy-views.ts'
import { Principals } from './principals.ts'
import { Projects } from './projects/projects.ts'
import { ResourcePolicies, type ResourcePolicySource } from './resource-policies.ts'
import { RoleSessions, type SessionCredentials } from './role-sessions.ts'
import { Roles } from './roles.ts'
import { Sessions } from './sessions/sessions.ts'
import { SessionStore } from './sessions/store.ts'
import { openSession, proveForNewPassword, provePasskey, proveUser } from './sign-in.ts'
import { SignInThrottle } from './sign-in-throttle.ts'
import { IamStore } from './store.ts'
import { Tagging } from './tagging.ts'
import type { Log, User } from './types.ts'
import { Users } from './users.ts'
import { assumeRoleWithWebIdentity, type WebIdentityInput } from './web-identity/assume.ts'
import { createFetchJson } from './web-identity/fetch-json.ts'
import { IdentityProviders } from './web-identity/identity-providers.ts'
import { IdentityProviderStore } from './web-identity/store.ts'
import { WebAuthnStore } from './webauthn/store.ts'
import { canHaveKeys, type PublicKeyCredentialRequestOptionsJSON, WebAuthn } from './webauthn/webauthn.ts'

export interface IamDeps {
  /** Migrated with `iamMigrations`. */
  readonly database: Database
  readonly sealer: Sealer
  readonly clock: Clock
  readonly log?: Log
  readonly metrics?: Metrics
  /** Origins at addresses of private use that applications may have their sign-outs told to, and identity providers may
   * be at. Default: none. */
  readonly oidcPrivateOrigins?: readonly string[]
  /** Told of each use of a break-glass user, before it happens. Default: the log, as an error. */
  readonly onBreakGlass?: BreakGlassAlarm
}

/** What the first start made; shown once. */
export interface BootstrapResult {
  readonly accountId: AccountId
  readonly userName: string
  readonly password: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A session that has begun, and whose it is. */
export interface SignedIn {
  readonly accessToken: string
  readonly expiresAt: string
  readonly user: User
}

interface PoliciesOfPrincipal {
  readonly identity: readonly CompiledPolicy[]
  readonly boundary: readonly CompiledPolicy[] | undefined
}

export interface Iam {
  readonly authenticator: Authenticator
  readonly authorizer: Authorizer
  readonly users: Users
  readonly tagging: Tagging
  readonly accessKeys: AccessKeys
  readonly accessRequests: AccessRequests
  readonly breakGlass: BreakGlassUsers
  readonly groups: Groups
  readonly roles: Roles
  readonly policies: Policies
  readonly attachments: Attachments
  readonly applications: Applications
  readonly organizations: Organizations
  readonly projects: Projects
  readonly analysis: Analysis
  /** Counts allowed requests. */
  readonly uses: Uses
  readonly mfa: Mfa
  readonly webauthn: WebAuthn
  readonly passwordPolicies: PasswordPolicies
  readonly sessions: Sessions
  readonly identityProviders: IdentityProviders
  readonly oidc: Oidc
  /** Makes account 000000000001 with the user `admin`, who holds Administrator; undefined where accounts exist.
   * @param publish is given the credentials before they are good: a process that dies right after it made the account
   * has told them already */
  bootstrap(publish: (result: BootstrapResult) => void): Promise<BootstrapResult | undefined>
  /** `listener` is called for each account made from now on, before whoever asked for it is answered. */
  onAccount(listener: AccountListener): void
  /** Every account, the first one first. */
  accounts(): readonly AccountId[]
  /** Says where the policies on a service's resources are found; called once a service, before the first request. */
  provideResourcePolicies(service: string, source: ResourcePolicySource): void
  /** Users and roles of the account that can do something, a page at a time. */
  whoCan(account: AccountId, input: WhoCanInput): ReturnType<typeof whoCan>
  /** What matched and nearly matched in a decision about a principal of the account; undefined where it is gone. */
  explain(request: AuthzRequest): Explanation | undefined
  /** The refusal behind a decision id, as far as its reader may see it. @throws iam.thing.absent */
  readDecision(reader: Principal, id: string): Promise<VisibleDecision>
  /** The policies that apply to the user or role of the account that an ARN names. */
  policiesOf(account: AccountId, arn: string): PoliciesOfPrincipal | undefined
  /** The id of the user or role behind a principal. */
  idOf(principal: Principal): string | undefined
  /** Credentials of a role for a principal whom it trusts. @throws iam.role.notTrusted, iam.policy.malformed */
  assumeRole(principal: Principal, input: AssumeRoleInput): Promise<AssumedRole>
  /** Credentials of a role for whom an identity provider of its account vouches.
   * @throws iam.webIdentity.*, iam.role.notTrusted, iam.policy.malformed */
  assumeRoleWithWebIdentity(input: WebIdentityInput): ReturnType<typeof assumeRoleWithWebIdentity>
  /** Temporary credentials of a user, good for what the user may do. @throws iam.thing.absent */
  sessionOfUser(
    principal: Principal,
    input: { readonly ttlSec: number; readonly mfa: boolean },
  ): Promise<SessionCredentials>
  /** The account that `bootstrap` made, or undefined before. */
  firstAccount(): AccountId | undefined
  /** Decides as `authorizer` does, by the native evaluator: what many decisions at once are asked of. Keys in the
   * context go before what the platform knows, so who asks must be allowed to state them. */
  decide(request: AuthzRequest): Decision
  /** Whether a principal is let do something by its policies; nothing of it is kept. */
  isAllowed(request: AuthzRequest): boolean
  /** The user or role of the account that an ARN names, as it would be without any session. */
  findPrincipal(account: AccountId, arn: string): Principal | undefined
  /** The same by its name. */
  principalNamed(account: AccountId, kind: 'user' | 'role', name: string): Principal | undefined
  /** A principal that acts as a role of the account, narrowed by each of `sessionPolicies`. Whether somebody may run
   * something as that role is the caller's to ask: `iam:role:pass` on the role's ARN.
   * @throws iam.thing.absent */
  principalOfRole(account: AccountId, roleName: string, sessionPolicies?: readonly unknown[]): Principal
  /** @throws iam.signIn.failed, iam.signIn.mfaRequired, iam.signIn.lockedOut, iam.signIn.busy */
  signIn(input: {
    /** Default: the first account. */
    readonly accountId?: string
    readonly userName: string
    readonly password: string
    readonly code?: string
    readonly securityKey?: unknown
    /** Where the service is reached: what security keys are bound to. */
    readonly origin?: string
    readonly sourceIp: string
    readonly userAgent?: string
  }): Promise<SignedIn>
  /** A user's own new password, also in place of one that is too old to sign in with. Ends every session.
   * @throws iam.signIn.failed, iam.signIn.mfaRequired, iam.password.weak, iam.password.used */
  changePassword(input: {
    readonly accountId?: string
    readonly userName: string
    readonly password: string
    readonly newPassword: string
    readonly code?: string
    readonly securityKey?: unknown
    readonly origin?: string
    readonly sourceIp: string
  }): Promise<User>
  /** What a browser asks a passkey with. @throws iam.webauthn.noName */
  passkeyOptions(accountId: string | undefined, origin: string): Promise<PublicKeyCredentialRequestOptionsJSON>
  /** @throws iam.signIn.failed, iam.webauthn.noName */
  signInByPasskey(input: {
    readonly accountId?: string
    readonly securityKey: unknown
    readonly origin: string
    readonly sourceIp?: string
    readonly userAgent?: string
  }): Promise<SignedIn>
  /** Resolves when everything written on the side is written. The database stays open. */
  close(): Promise<void>
}

const FIRST_ACCOUNT = parseAccountId('000000000001')
const FIRST_USER = 'admin'

/** Identities, policies and decisions over them, loaded into memory.
 * @see docs/decisions/0005-casbin-on-the-slice.md */
export async function createIam({
  database,
  sealer,
  clock,
  log = silent,
  metrics,
  oidcPrivateOrigins = [],
  onBreakGlass: alarm = async (use) => log.error({ use }, 'a break-glass user is used'),
}: IamDeps): Promise<Iam> {
  const store = new IamStore(database)
  const directory = new Directory({ store, clock, log })
  await directory.load()
  const tokens = new AccessTokens({ store, sealer, clock })
  await tokens.load()
  const changes = new Changes(store, directory)
  const passwords = new Passwords()
  const throttle = new SignInThrottle(clock)
  const webauthn = new WebAuthn({ directory, store: new WebAuthnStore(database), sealer, clock, log })
  const mfa = new Mfa({ directory, store: new MfaStore(database), throttle, webauthn, sealer, clock })
  const sessionStore = new SessionStore(database)
  const passwordPolicies = new PasswordPolicies({ store: new PasswordPolicyStore(database), passwords })
  const signInDeps = {
    directory,
    store,
    sessions: sessionStore,
    tokens,
    passwords,
    passwordPolicies,
    mfa,
    webauthn,
    throttle,
    clock,
  }
  const views = new PolicyViews(directory)
  const principals = new Principals(directory)
  const sessions = new RoleSessions({ directory, sealer, clock })
  const users = new Users({ directory, changes, passwords, passwordPolicies, clock })
  const authenticator = new IamAuthenticator({ sessions, directory, store, tokens, sealer, clock, log })
  const evaluator = await createCasbinEvaluator()
  const resourcePolicies = new ResourcePolicies()
  const counts = metrics?.use(decisionMetrics)
  const decisions = new DecisionLog({ database, clock, log, onLost: (count) => counts?.lost.add({}, count) })
  const uses = new Uses({ database, clock, log, onLost: (count) => counts?.usesLost.add({}, count) })
  const parts = { decisions, uses, directory, views, resourcePolicies, evaluator, alarm, clock, log }
  const authorizer = new IamAuthorizer(parts)
  const organizations = new Organizations({ directory, changes, passwords, clock })
  const accessStore = new AccessStore(database)
  const accessRequests = new AccessRequests({ directory, changes, store: accessStore, authorizer, clock })
  const roles = new Roles({ directory, changes, clock })
  const tagging = new Tagging({ directory, authorizer, users, roles })
  const identityProviders = new IdentityProviders({
    store: new IdentityProviderStore(database),
    fetchJson: createFetchJson(oidcPrivateOrigins),
    privateOrigins: oidcPrivateOrigins,
    clock,
  })
  const groups = new Groups({ directory, changes, clock })
  const policies = new Policies({ directory, changes, store, clock })
  const attachments = new Attachments({ directory, changes })
  const projects = new Projects({ directory, changes, views, authorizer, asks: authorizer, clock })
  const nouns = { policies, attachments, groups, roles, projects, organizations }
  return {
    uses,
    analysis: new Analysis({ ...nouns, directory, store, changes, authorizer, uses, parts }),
    authenticator,
    authorizer,
    users,
    tagging,
    accessKeys: new AccessKeys({
      directory,
      changes,
      sealer,
      clock,
      lastUseOf: (id) => authenticator.lastUseOf(id),
    }),
    accessRequests,
    breakGlass: new BreakGlassUsers({ directory, changes, requests: accessRequests, alarm, clock }),
    groups,
    roles,
    policies,
    attachments,
    applications: new Applications({ directory, changes }),
    organizations,
    projects,
    mfa,
    webauthn,
    passwordPolicies,
    sessions: new Sessions({ directory, changes, store: sessionStore, clock }),
    identityProviders,
    oidc: new Oidc({
      directory,
      store: new OidcStore(database),
      shared: store.shared,
      sealer,
      clock,
      log,
      privateOrigins: oidcPrivateOrigins,
      proveUser: ({ accountId, ...input }) => proveUser(signInDeps, { ...input, account: accountToTry(accountId) }),
      provePasskey: (proof) => provePasskey(signInDeps, proof),
      passkeyOptions: async (account, origin) =>
        canHaveKeys(origin) ? webauthn.beginSignIn(account, origin) : undefined,
      userName: (account, id) => store.userName(account, id),
    }),
    onAccount: (listener) => organizations.onAccount(listener),
    accounts: () =>
      directory
        .accounts()
        .map((account) => account.id)
        .sort(),
    bootstrap: (publish) => bootstrap({ changes, passwords, sealer, clock }, publish),
    provideResourcePolicies: (service, source) => resourcePolicies.provide(service, source),
    whoCan: (account, input) => whoCan({ directory, authorizer, resourcePolicies }, account, input),
    explain(request) {
      const found = authorizer.caseOf(request, { asserted: true })
      return found && explain(found.layers, found.question)
    },
    policiesOf(account, arn) {
      const principal = principals.find(account, arn)
      const view = principal && views.find(principal)
      return view && { identity: view.policies, boundary: view.boundaryPolicies }
    },
    idOf: (principal) => views.find(principal)?.holder?.id,
    assumeRole: (principal, input) => assumeRole({ directory, authorizer, evaluator, sessions }, principal, input),
    assumeRoleWithWebIdentity: (input) =>
      assumeRoleWithWebIdentity({ directory, providers: identityProviders, evaluator, sessions, clock }, input),
    sessionOfUser: async ({ account, name }, { ttlSec, mfa }) => {
      const holderId = users.get(account, name).id
      return sessions.issue({
        account,
        kind: 'user',
        name,
        holderId,
        sessionName: name,
        ttlSec,
        mfa,
        authMethod: mfa ? 'accessKey+otp' : 'accessKey',
        policies: [],
      })
    },
    firstAccount: () => directory.findAccount(FIRST_ACCOUNT)?.id,
    decide: (request) => authorizer.decide(request, nativeEvaluator, { asserted: true, asked: true }),
    isAllowed: (request) => authorizer.isAllowed(request, nativeEvaluator),
    findPrincipal: (account, arn) => principals.find(account, arn),
    principalNamed: (account, kind, name) => principals.named(account, kind, name),
    principalOfRole: (account, name, sessionPolicies) => roles.principalOf(account, name, sessionPolicies),
    signIn: async ({ accountId, origin = '', userAgent, ...input }) => {
      const proven = await proveUser(signInDeps, { ...input, origin, account: accountToTry(accountId) })
      return { ...(await openSession(signInDeps, proven, from(input.sourceIp, userAgent))), user: proven.user }
    },
    changePassword: async ({ accountId, origin = '', newPassword, ...input }) => {
      const user = await proveForNewPassword(signInDeps, { ...input, origin, account: accountToTry(accountId) })
      await users.update(user.account, user.name, { password: newPassword })
      return user
    },
    passkeyOptions: (accountId, origin) => webauthn.beginSignIn(accountToTry(accountId), origin),
    signInByPasskey: async ({ accountId, sourceIp, userAgent, ...proof }) => {
      const proven = await provePasskey(signInDeps, { ...proof, account: accountToTry(accountId) })
      return { ...(await openSession(signInDeps, proven, from(sourceIp, userAgent))), user: proven.user }
    },
    readDecision: (reader, id) => readDecision({ decisions, directory, authorizer }, reader, id),
    close: async () => {
      await authenticator.close()
      await decisions.close()
      await uses.close()
    },
  }
}

function from(sourceIp: string | undefined, userAgent: string | undefined) {
  return { ...(sourceIp === undefined ? {} : { sourceIp }), ...(userAgent === undefined ? {} : { userAgent }) }
}

/** No account has this number. */
const NO_ACCOUNT = parseAccountId('000000000000')

/** A malformed account is an account that does not exist, and costs and answers as one. */
function accountToTry(text: string | undefined): AccountId {
  if (text === undefined) return FIRST_ACCOUNT
  return /^[0-9]{12}$/.test(text) ? parseAccountId(text) : NO_ACCOUNT
}

const silent: Log = { error: () => {}, warn: () => {} }

interface BootstrapDeps {
  readonly changes: Changes
  readonly passwords: Passwords
  readonly sealer: Sealer
  readonly clock: Clock
}

async function bootstrap(
  { changes, passwords, sealer, clock }: BootstrapDeps,
  publish: (result: BootstrapResult) => void,
): Promise<BootstrapResult | undefined> {
  const account = FIRST_ACCOUNT
  const password = randomBytes(18).toString('base64url')
  const accessKeyId = makeAccessKeyId()
  const secret = makeSecretAccessKey()
  const passwordHash = await passwords.hash(password)
  const sealed = await sealer.seal(secret.reveal(), accessKeyPurpose({ account, id: accessKeyId }))
  const now = clock.now()
  const result = {
    accountId: account,
    userName: FIRST_USER,
    password,
    accessKeyId,
    secretAccessKey: secret.revealText(),
  }
  const made = await changes.run(account, async (write) => {
    // Two processes that start together take turns here, so one of them finds the other's account.
    if ((await write.countAccounts()) > 0) return false
    publish(result)
    await openAccount(write, account, { name: 'first', clock })
    await insertAdministrator(write, { name: FIRST_USER, passwordHash, clock })
    await write.insertAccessKey({
      id: accessKeyId,
      user_name: FIRST_USER,
      sealed_secret: sealed,
      enabled: 1,
      created_at: now,
      last_used_at: null,
    })
    return true
  })
  return made ? result : undefined
}
