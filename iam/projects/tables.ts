import type { HolderKind } from '../types.ts'

export interface ProjectTables {
  iam_project: {
    account: string
    id: string
    name: string
    description: string
    enabled: number
    created_at: number
  }
  /** Resources outside the default project. */
  iam_project_resource: { account: string; resource: string; project: string }
  /** A policy that a user, group or role holds for part of the account: `project/<id>` or `resource/<ARN>`. */
  iam_project_grant: { account: string; holder_kind: HolderKind; holder: string; policy_arn: string; scope: string }
}
