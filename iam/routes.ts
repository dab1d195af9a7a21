import type { Api, FilterCompiler } from '../platform/index.ts'
import { awsRoutes } from './aws/routes.ts'
import { acknowledgingNewAccess, allowingLockOut } from './changes.ts'
import type { Iam } from './iam.ts'
import { oidcRoutes } from './oidc/routes.ts'
import { accessRequestRoutes } from './routes/access-requests.ts'
import { analysisRoutes } from './routes/analysis.ts'
import { appRegistrationRoutes } from './routes/app-registrations.ts'
import { applicationRoutes } from './routes/applications.ts'
import { attachmentRoutes } from './routes/attachments.ts'
import { authorizeRoutes } from './routes/authorize.ts'
import { authzenRoutes } from './routes/authzen.ts'
import { breakGlassRoutes } from './routes/break-glass.ts'
import { decisionRoutes } from './routes/decisions.ts'
import { groupRoutes } from './routes/groups.ts'
import { identityProviderRoutes } from './routes/identity-providers.ts'
import { mfaRoutes } from './routes/mfa.ts'
import { organizationRoutes } from './routes/organization.ts'
import { passwordPolicyRoutes } from './routes/password-policy.ts'
import { policyRoutes } from './routes/policies.ts'
import { projectRoutes } from './routes/projects.ts'
import { roleRoutes } from './routes/roles.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { userRoutes } from './routes/users.ts'
import { webauthnRoutes } from './routes/webauthn.ts'

export interface IamRouteDeps {
  readonly compileFilter: FilterCompiler
  /** Where the service is reached, without a trailing `/`; metadata is relative without it. */
  readonly publicUrl?: () => string
}

/** `/v1/iam`: tokens, identities, policies and decisions. */
export function iamRoutes(iam: Iam, deps: IamRouteDeps) {
  return (api: Api): void => {
    const publicUrl = deps.publicUrl ?? (() => '')
    // The one place where a caller says that new access is meant, whichever protocol it speaks.
    api.addHook('preHandler', (request, _, done) => {
      if (request.headers['x-rampart-allow-new-access'] === 'true') acknowledgingNewAccess(done)
      else done()
    })
    api.addHook('preHandler', (request, _, done) => {
      if (request.headers['x-rampart-allow-lock-out'] === 'true') allowingLockOut(done)
      else done()
    })
    tokenRoutes(iam, { publicUrl })(api)
    userRoutes(iam, deps)(api)
    mfaRoutes(iam)(api)
    webauthnRoutes(iam, { publicUrl })(api)
    identityProviderRoutes(iam, deps)(api)
    sessionRoutes(iam, deps)(api)
    passwordPolicyRoutes(iam)(api)
    accessRequestRoutes(iam, deps)(api)
    breakGlassRoutes(iam)(api)
    appRegistrationRoutes(iam, deps)(api)
    oidcRoutes(iam.oidc, { publicUrl })(api)
    groupRoutes(iam, deps)(api)
    roleRoutes(iam, deps)(api)
    organizationRoutes(iam, deps)(api)
    projectRoutes(iam, deps)(api)
    decisionRoutes(iam)(api)
    policyRoutes(iam, deps)(api)
    attachmentRoutes(iam)(api)
    authorizeRoutes(iam)(api)
    analysisRoutes(iam, deps)(api)
    api.register(async (scope) => awsRoutes(iam)(scope as unknown as Api))
    applicationRoutes(iam)(api)
    authzenRoutes(iam, { publicUrl })(api)
  }
}
