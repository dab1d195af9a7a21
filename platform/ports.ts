import type { AccountId, Arn } from './base/arn.ts'

/** Who calls: an authenticated user, role session, or a source's token. */
export interface Principal {
  readonly kind: 'user' | 'role' | 'source' | 'platform'
  readonly account: AccountId
  readonly arn: Arn
  readonly name: string
  /** How the caller proved itself. */
  readonly auth: 'password' | 'accessKey' | 'token' | 'internal'
  /** More closely: by what a session began, such as `password+otp`. */
  readonly authMethod?: string
  readonly accessKeyId?: string
  /** When the password or key was proved, ms; absent where nothing was. */
  readonly authenticatedAt?: number
  readonly mfa?: boolean
  /** What the session is on, as who watches over devices says. */
  readonly device?: { readonly id: string; readonly managed: boolean; readonly posture: string }
  /** Tags of this session; they stand before those of the user or role. */
  readonly sessionTags?: Readonly<Record<string, string>>
  readonly transitiveTagKeys?: readonly string[]
  /** Who is behind a session of a role, as the first of the roles was told. */
  readonly sourceIdentity?: string
  /** Policy documents that narrow this session (never widen it), each one layer of its own. */
  readonly sessionPolicies?: readonly unknown[]
}

/** The head of a request, as far as authentication may depend on it. */
export interface RequestHead {
  readonly method: string
  /** Path and query as on the wire, not decoded. */
  readonly rawUrl: string
  /** Names in lower case, in wire order, one entry a line: a repeated header is two entries. */
  readonly headers: readonly (readonly [string, string])[]
  /** The address of the peer, or of the client behind a trusted proxy. */
  readonly sourceIp: string
  /** The signing name the route speaks (`rampart` for our own REST). */
  readonly service: string
}

/** A caller that signed its body: known once the body is read. */
export interface BodyBound {
  readonly kind: 'bodyBound'
  /** @param sha256Hex of the body's bytes as received, before any decoding
   * @throws iam.signature.* */
  verify(sha256Hex: string): Promise<Principal>
}

/** Finds out who calls. Declared here, kept by iam/. */
export interface Authenticator {
  /** The caller, or what is left to verify when the body has been read.
   * @throws RampartError of status 401, all of one message where the reason could help an attacker */
  authenticate(head: RequestHead): Promise<Principal | BodyBound>
}

/** A value of the request's context: typed, never a nested thing. */
export type ContextValue = string | number | boolean | readonly string[]

export interface AuthzRequest {
  readonly principal: Principal
  /** `service:type:operation`. */
  readonly action: string
  readonly resource: string
  /** Context keys by their canonical name, `g:SourceIp` among them. */
  readonly context?: ReadonlyMap<string, ContextValue>
}

/** Why a request was allowed or not, in as few words as the caller may see. */
export interface Decision {
  readonly allowed: boolean
  /** Opaque, 128 bit; the decision log knows the rest. */
  readonly id: string
  readonly reason: 'allow' | 'explicitDeny' | 'implicitDeny' | 'error'
  /** `<policy>.<Sid>` of the statements that decided. Not for the caller. */
  readonly determining: readonly string[]
}

/** Decides whether a principal may do an action on a resource. Declared here, kept by iam/. Never throws: what cannot
 * be evaluated is denied with reason `error`. */
export interface Authorizer {
  authorize(request: AuthzRequest): Promise<Decision>
  /** Absent where what decisions are made by never changes. */
  readonly snapshots?: Snapshots
}

/** What decisions are made by, numbered: a higher number has seen every change that a lower one has. */
export interface Snapshots {
  current(): number
  /** Resolves with the number decisions are made by now, once it is `wanted` or higher, or with a lower one where no
   * change has that number yet. */
  reach(wanted: number): Promise<number>
}

export type AuditOutcome = 'success' | 'refused' | 'failure'

/** One audited call; what is secret is not in it. */
export interface AuditEvent {
  /** `unknown` where the caller could not be told. */
  readonly account: AccountId | 'unknown'
  readonly at: number
  readonly principal: Arn | 'anonymous'
  readonly accessKeyId?: string
  readonly action: string
  readonly resources: readonly string[]
  readonly outcome: AuditOutcome
  readonly status: number
  readonly errorCode?: string
  readonly decisionId?: string
  readonly requestId: string
  readonly sourceIp?: string
  readonly userAgent?: string
  /** How often this happened since the last such event; 1 where each is written. */
  readonly count: number
}

/** Takes audit events. Declared here, kept by compliance/. Resolves when the event is durable: the answer to the caller
 * waits for it. */
export interface AuditSink {
  record(event: AuditEvent): Promise<void>
}

/** Seals small things for the control-plane database: AES-256-GCM under a root key. Declared here; a KMS can take its
 * place. `purpose` is authenticated and not stored: opening needs the same. */
export interface Sealer {
  seal(plaintext: Uint8Array, purpose: string): Promise<Uint8Array>
  /** @throws platform.sealer.cannotOpen for a wrong purpose, key or a changed byte */
  open(sealed: Uint8Array, purpose: string): Promise<Buffer>
}

/** What every verb gets beside its input. */
export interface Context {
  readonly principal: Principal
  readonly requestId: string
  readonly now: number
}
