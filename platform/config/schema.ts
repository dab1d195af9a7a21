import { type Static, type TSchema, Type } from 'typebox'
import type { Secret } from '../base/secret.ts'

/** What a process may do. Default: all of it. */
const roles = ['api', 'collector', 'processor', 'playbooks'] as const

const PORT_UNIT = 'port; 0 = any free one, -1 = off'

const port = (standard: number, description: string) =>
  Type.Integer({ minimum: -1, maximum: 65535, default: standard, unit: PORT_UNIT, description })

/** A URL that may hold a password: a `Secret` once loaded. */
const secretUrl = (description: string) =>
  Type.Unsafe<Secret>(Type.String({ minLength: 1, maxLength: 2048, secret: true, description }))

const hsmEntry = Type.Object(
  {
    module: Type.String({ minLength: 1 }),
    slot: Type.Optional(Type.Integer({ minimum: 0 })),
    token_label: Type.Optional(Type.String({ minLength: 1 })),
    pin_file: Type.String({ minLength: 1 }),
  },
  { additionalProperties: false },
)

/** Every key there is: type, default and meaning in one place. The reference (docs/config.md), the environment names,
 * `config check` and the type `Config` all come from here. Two levels: a section of keys, or a key at the top. */
export const configSchema = Type.Object({
  data_dir: Type.String({
    minLength: 1,
    default: './data',
    description: 'Folder of everything this process keeps; made with mode 0700, held by one process at a time.',
  }),
  http: Type.Object({
    host: Type.String({
      minLength: 1,
      default: '127.0.0.1',
      description: 'Address the API and the console listen on.',
    }),
    port: port(8080, 'Port of the API and the console.'),
    public_url: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'The URL under which others reach the API; issuer and links derive from it. Absent: `http://<host>:<bound port>`.',
      }),
    ),
    trusted_proxies: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 100,
      default: [],
      description:
        'Addresses and CIDRs of proxies in front: from them `X-Forwarded-For` and `X-Forwarded-Proto` are taken, the rightmost hop that is none of them being the client. Empty: the peer is the client, whatever a header says.',
    }),
  }),
  syslog: Type.Object({
    tcp_port: port(5514, 'Syslog over TCP (RFC 6587, both framings), on loopback.'),
    udp_port: port(5514, 'Syslog over UDP (RFC 5426), on loopback.'),
    tls_port: port(6514, 'Syslog over TLS (RFC 5425).'),
  }),
  fluent: Type.Object({ port: port(24224, 'Fluent forward protocol.') }),
  beats: Type.Object({ port: port(5044, 'Lumberjack v2 (Beats, Logstash).') }),
  otlp: Type.Object({ port: port(4318, 'OTLP/HTTP logs.') }),
  log: Type.Object({
    url: Type.Optional(secretUrl('`kafka://host:port`: the partitioned log on Apache Kafka. Absent: segment files.')),
  }),
  store: Type.Object({
    url: Type.Optional(secretUrl('`opensearch://host:port`: the event store on OpenSearch. Absent: DuckDB.')),
  }),
  database: Type.Object({
    url: Type.Optional(
      secretUrl('`postgres://user:password@host:port/name`: the control-plane database. Absent: SQLite.'),
    ),
  }),
  detection: Type.Object({
    correlation_memory_mb: Type.Integer({
      minimum: 1,
      maximum: 1_048_576,
      default: 384,
      unit: 'MiB',
      description:
        'Memory that the windows of correlations may take, about; those quiet longest are on the disk only. A group of three events takes some 300 bytes.',
    }),
    correlation_disk_mb: Type.Integer({
      minimum: 64,
      maximum: 16_777_216,
      default: 8192,
      unit: 'MiB',
      description:
        'Room on the disk for the windows of correlations; beyond it those quiet longest are dropped, which raises an alert.',
    }),
  }),
  hsm: Type.Array(hsmEntry, {
    maxItems: 2,
    default: [],
    description:
      'PKCS#11 modules, each `{module, slot or token_label, pin_file}`. Empty: the software provider, which is no HSM.',
  }),
  playbooks: Type.Object({
    egress_allow: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), {
      maxItems: 1000,
      default: [],
      description:
        'Where actions and intelligence feeds may connect to: `host`, `host:port`, `*.domain`, CIDR, `CIDR:port`. Loopback too must be listed.',
    }),
  }),
  enrichment: Type.Object({
    databases: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
      maxItems: 8,
      default: [],
      description:
        'MaxMind DB files (GeoLite2 City and ASN, DB-IP, IPinfo, …) that addresses in events are looked up in, for country, place and network owner; the first that knows something is believed. Read anew when they change. Empty: events keep what they say themselves.',
    }),
  }),
  roles: Type.Array(Type.Enum([...roles]), {
    minItems: 1,
    uniqueItems: true,
    default: [...roles],
    description: 'What this process does.',
  }),
})

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S
type CamelKeys<T> = T extends Secret
  ? T
  : T extends readonly (infer Item)[]
    ? readonly CamelKeys<Item>[]
    : T extends object
      ? { readonly [K in keyof T as Camel<K & string>]: CamelKeys<T[K]> }
      : T

/** The configuration as `configSchema` says, names in camelCase. */
export type Config = CamelKeys<Static<typeof configSchema>>

/** One key: `http.port`, its place in the environment, and its schema with `default`, `description`, `unit`, `secret`. */
export interface ConfigKey {
  /** Dotted, as in the file. */
  readonly path: string
  readonly env: string
  readonly schema: TSchema & {
    readonly type?: string
    readonly default?: unknown
    readonly description?: string
    readonly unit?: string
    readonly secret?: boolean
  }
}

/** Every key, in the order of the reference. */
export const configKeys: readonly ConfigKey[] = Object.entries<TSchema>(configSchema.properties).flatMap(
  ([section, schema]) =>
    Type.IsObject(schema)
      ? Object.entries(schema.properties as Record<string, TSchema>).map(([name, leaf]) => keyOf([section, name], leaf))
      : [keyOf([section], schema)],
)

function keyOf(segments: readonly string[], schema: TSchema): ConfigKey {
  return { path: segments.join('.'), env: `RAMPART_${segments.join('_').toUpperCase()}`, schema }
}
