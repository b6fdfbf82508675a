/** What tests of the API share: a backend that answers in the words of the contract. */
import type { ControlBackend, Decision, RouteDetail, WhatIf, WhatIfOutcome } from '../../src/api/contract.js';

export const TIME = '2026-01-02T03:04:05.000Z';

export const ROUTE_DETAIL: RouteDetail = {
  name: 'fiber',
  state: 'up',
  reasons: ['answered'],
  since: TIME,
  interface: 'wan1',
  addresses: ['203.0.113.1'],
  gateways: ['203.0.113.254'],
  attempts: 2,
  wins: 1,
  losses: 1,
  connections: 3,
  traffic: { in: 1, out: 2 },
  quota: { used: 0, bytes: null },
  rescues: 0,
  portUse: 0,
  lastResort: false,
  weight: 1,
  cost: 0,
  capacity: null,
  evidence: [],
  seconds: [],
  minutes: [],
  services: ['web'],
  pins: 0,
};

export const DECISION: Decision = {
  id: 7,
  time: TIME,
  by: 'race',
  protocol: 'tcp',
  service: 'web',
  client: '192.168.1.2:40000',
  destination: '198.51.100.7:443',
  route: 'fiber',
  criterion: 'race',
  reasons: ['first-reply'],
  routes: [{ route: 'fiber', answer: 'syn-ack', rttMicros: 1000, sentMicros: 0, answeredMicros: 1000 }],
  states: { fiber: 'up' },
};

export const WHAT_IF: WhatIf = {
  time: TIME,
  client: '192.168.1.2',
  destination: '198.51.100.7',
  port: 443,
  protocol: 'tcp',
  dscp: 0,
  isName: false,
  outcomes: [],
};

/** Every field that there is. */
export const WORST_OUTCOME: WhatIfOutcome = {
  destination: '198.51.100.7:443',
  service: 'web',
  passed: [{ service: 'guests', why: 'the client is not in 192.168.8.0/24' }],
  criterion: 'race',
  by: 'kernel',
  action: 'memory',
  route: 'fiber',
  reasons: ['remembered'],
  text: 'It goes by fiber: that was the fastest for this destination, as is remembered.',
  routes: [
    { route: 'fiber', state: 'up', part: 'carries', why: 'it was the fastest', share: 1 },
    { route: 'lte', state: 'suspect', part: 'waits', why: 'a copy leaves later', afterMicros: 250_000 },
  ],
  memory: {
    destination: '198.51.100.7',
    of: 'connections',
    routes: { fiber: { rttMicros: 1200, ageSeconds: 4, answer: 'answered' } },
    best: 'fiber',
    trusted: true,
  },
  pin: { route: 'fiber', until: TIME, by: 'group', group: 'client' },
  mayMeasure: true,
  notes: ['It is taken to begin QUIC.'],
};

/** The parts of a backend that a test says nothing about. */
export const OTHERS: Omit<
  ControlBackend,
  'status' | 'routes' | 'services' | 'why' | 'memory' | 'route' | 'reload' | 'preview' | 'config'
> = {
  routeDetail: async () => ROUTE_DETAIL,
  health: async () => ({ verdict: 'ok', routes: { up: 1, usable: 1, all: 1 }, alarms: ['a secret of ours'] }),
  version: async () => ({ version: '1', uptimeSeconds: 1 }),
  metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: Buffer.from('up 1\n') }),
  decisions: async () => ({ decisions: [DECISION], next: null, oldest: TIME }),
  flows: async () => ({ flows: [], next: null, time: TIME }),
  whatIf: async () => WHAT_IF,
  forget: async () => ({ forgotten: 1 }),
  pins: async () => [],
  pin: async ({ destination, route }) => ({ destination, route, until: TIME }),
  unpin: async () => ({ unpinned: 1 }),
  configText: async () => ({ file: '/etc/p.yaml', text: 'lan: [l]\n', digest: '0'.repeat(64) }),
  validate: async () => ({ valid: true, problems: [], notes: [] }),
  apply: async () => ({
    applied: true,
    changes: [],
    effects: [],
    file: '/etc/p.yaml',
    backup: '/etc/p.yaml.bak',
  }),
};
