import type { Api } from '../platform/index.ts'
import type { Iam } from './iam.ts'
import { attachmentRoutes } from './routes/attachments.ts'
import { authorizeRoutes } from './routes/authorize.ts'
import type { FilterCompiler } from './routes/forms.ts'
import { groupRoutes } from './routes/groups.ts'
import { policyRoutes } from './routes/policies.ts'
import { roleRoutes } from './routes/roles.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { userRoutes } from './routes/users.ts'

/** `/v1/iam`: tokens, identities, policies and decisions. */
export function iamRoutes(iam: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    tokenRoutes(iam)(api)
    userRoutes(iam, deps)(api)
    groupRoutes(iam, deps)(api)
    roleRoutes(iam, deps)(api)
    policyRoutes(iam, deps)(api)
    attachmentRoutes(iam)(api)
    authorizeRoutes(iam)(api)
  }
}
