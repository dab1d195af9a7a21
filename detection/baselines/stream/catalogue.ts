import { BeaconDetector, type BeaconState } from '../entities/beacon.ts'
import { DnsTunnelDetector, type DnsTunnelState } from '../entities/dns-tunnel.ts'
import { FirstSeenDetector, type FirstSeenState } from '../entities/first-seen.ts'
import { GeneratedDomainDetector, type GeneratedDomainState } from '../entities/generated-domain.ts'
import { TravelDetector, type TravelState } from '../entities/travel.ts'
import { VolumeDetector, type VolumeState } from '../entities/volume.ts'
import { type Baseline, defineBaseline } from './baseline.ts'
import { readCall } from './read-api.ts'
import { readDnsQuery, readResolution } from './read-dns.ts'
import { readConnection } from './read-network.ts'
import { readAttempt, readHostUse, readSignIn } from './read-sign-ins.ts'

const AUTHENTICATION = 3002
const NETWORK = 4001
const DNS = 4003
const API = 6003

/** The baselines that run on the stream. */
export const baselines: readonly Baseline[] = [
  defineBaseline({
    name: 'sign-in-volume',
    version: 1,
    title: 'A user signs in far more often than ever',
    watches: 'sign-ins tried by a user in an hour, against the same hour of working days or weekends',
    needs: 'Authentication (3002) with `user.name`',
    learns: 'a week of the user',
    entity: ['users'],
    severity: 'medium',
    techniques: ['T1078', 'T1110'],
    tactics: ['credential-access'],
    freezes: true,
    classes: [AUTHENTICATION],
    read: readAttempt,
    entityOf: ({ entity }) => entity,
    create: (_, state) => new VolumeDetector(state as VolumeState | undefined),
  }),
  defineBaseline({
    name: 'api-volume',
    version: 1,
    title: 'An identity makes far more API calls than ever',
    watches: 'API calls of an identity in an hour, against the same hour of working days or weekends',
    needs: 'API Activity (6003) with `actor.user`',
    learns: 'a week of the identity',
    entity: ['users'],
    severity: 'medium',
    techniques: ['T1078.004', 'T1580'],
    tactics: ['discovery'],
    freezes: true,
    classes: [API],
    read: readCall,
    entityOf: ({ entity }) => entity,
    create: (_, state) => new VolumeDetector(state as VolumeState | undefined),
  }),
  defineBaseline({
    name: 'first-seen-host',
    version: 1,
    title: 'A user signs in to a host that neither the user nor any peer uses',
    watches: 'hosts that a user signs in to for the first time, weighed by how many peers use them',
    needs: 'Authentication (3002) that succeeded, with `user.name` and a host; `user.org.ou_name` where known',
    learns: '14 days of the user',
    entity: ['users'],
    severity: 'medium',
    techniques: ['T1021', 'T1078'],
    tactics: ['lateral-movement'],
    freezes: false,
    classes: [AUTHENTICATION],
    read: readHostUse,
    create: (_, state) => new FirstSeenDetector(state as FirstSeenState | undefined),
  }),
  defineBaseline({
    name: 'impossible-travel',
    version: 1,
    title: 'Two sign-ins of a user that nobody can have travelled between',
    watches: 'the speed between places a user signs in from',
    needs: 'Authentication (3002) that succeeded, with `src_endpoint.location`',
    learns: 'nothing: the second sign-in of a user is judged',
    entity: ['users'],
    severity: 'high',
    techniques: ['T1078'],
    tactics: ['initial-access'],
    freezes: false,
    classes: [AUTHENTICATION],
    read: readSignIn,
    create: (_, state) => new TravelDetector(state as TravelState | undefined),
  }),
  defineBaseline({
    name: 'beacon',
    version: 1,
    title: 'A host calls home',
    watches: 'how regular, alike and steady the connections of a host to a destination are',
    needs: 'Network Activity (4001) with both ends; `traffic.bytes_out` where known',
    learns: '24 connections of the pair, over two minutes at least',
    entity: ['ips', 'network'],
    severity: 'high',
    techniques: ['T1071', 'T1571'],
    tactics: ['command-and-control'],
    freezes: false,
    classes: [NETWORK],
    read: readConnection,
    create: (_, state) => new BeaconDetector(state as BeaconState | undefined),
  }),
  defineBaseline({
    name: 'dns-tunnel',
    version: 1,
    title: 'Data leaves in the names a host asks for',
    watches: 'what the names a client asks for below one domain could carry in an hour',
    needs: 'DNS Activity (4003) with `query.hostname` and a client',
    learns: 'nothing; domains that ten clients ask below are ordinary',
    entity: ['ips', 'domains'],
    severity: 'high',
    techniques: ['T1071.004', 'T1048'],
    tactics: ['command-and-control', 'exfiltration'],
    freezes: false,
    classes: [DNS],
    read: readDnsQuery,
    create: (key, state) =>
      new DnsTunnelDetector(Buffer.from(key).toString('base64'), state as DnsTunnelState | undefined),
  }),
  defineBaseline({
    name: 'generated-domain',
    version: 1,
    title: 'A host asks for names that a machine made up',
    watches: 'unlikely and missing names among those a client asks for in ten minutes',
    needs: 'DNS Activity (4003) with `query.hostname` and `rcode_id` or answers',
    learns: '300 names that resolved, of the whole workspace',
    entity: ['ips'],
    severity: 'high',
    techniques: ['T1568.002'],
    tactics: ['command-and-control'],
    freezes: false,
    classes: [DNS],
    read: readResolution,
    create: (_, state) => new GeneratedDomainDetector(state as GeneratedDomainState | undefined),
  }),
]
