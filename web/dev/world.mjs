// A made-up site for looking at the page without a gateway: its answers have the shapes of docs/openapi.json. Nothing of this is shipped.

const NAMES = [
  'fiber',
  'cable',
  'radio',
  'dsl',
  'lte',
  'starlight',
  'campus',
  'backup',
  'a-provider-with-a-very-long-name',
];

const PLACES = 40;

/** `options`: routes, rate (decisions a second), empty. */
export function makeWorld({ routes: count, rate, isEmpty }) {
  const names = Array.from({ length: count }, (_, at) => NAMES[at] ?? `route-${at + 1}`);
  const places = Array.from({ length: PLACES }, (_, at) => ({
    address: at % 5 === 4 ? `2001:db8:${(at * 77).toString(16)}::${at + 1}` : `203.0.113.${at + 1}`,
    micros: names.map(() => 4000 + 70_000 * Math.random() ** 2),
  }));
  const world = {
    names,
    rate,
    silent: new Set(),
    startedMs: Date.now() - 3_725_000,
    totals: { started: 184_220, decided: 184_102, failed: 3, made: 0 },
    routes: names.map((name, at) => ({
      name,
      at,
      state: at === 7 ? 'disabled' : at === 5 ? 'draining' : 'up',
      since: new Date(Date.now() - 3_600_000 * (at + 1)).toISOString(),
      reasons: at === 7 || at === 5 ? ['by-command'] : [],
      wins: Math.round(90_000 / (at + 1)),
      losses: Math.round(50_000 / (at + 1)),
      attempts: 184_000,
      connections: Math.round(420 / (at + 1)),
      rescues: at === 1 ? 14 : 0,
      in: 4e7 / (at + 1),
      out: 6e6 / (at + 1),
      seconds: [],
      minutes: [],
    })),
    places,
    decisions: [],
    pins: [],
    text: CONFIG,
    isEmpty,
    nextId: 1,
  };
  const now = Date.now();
  for (const route of world.routes) {
    for (let at = 120; at > 0; at--) route.seconds.push(sampleOf(world, route, now - at * 1000));
    for (let at = 120; at > 0; at--) route.minutes.push(sampleOf(world, route, now - at * 60_000));
  }
  for (let at = 0; at < 60; at++) world.decisions.unshift(makeDecision(world, now - (60 - at) * 400));
  return world;
}

function sampleOf(world, route, time) {
  const wave = 1 + 0.4 * Math.sin(time / 9000 + route.at) + 0.3 * Math.random();
  const isSilent = world.silent.has(route.name) || route.state === 'disabled';
  return {
    time: new Date(time).toISOString(),
    state: route.state,
    attempts: Math.round(40 * wave),
    wins: Math.round(14 * wave),
    losses: Math.round(26 * wave),
    rescues: 0,
    connections: route.connections,
    in: isSilent ? 0 : route.in * wave,
    out: isSilent ? 0 : route.out * wave,
    rttMicros: isSilent || world.isEmpty ? null : (9000 + 5000 * (route.at % 5)) * wave,
  };
}

/** A decision as a race makes it. */
export function makeDecision(world, time = Date.now()) {
  const place = world.places[Math.floor(Math.random() ** 1.6 * world.places.length)];
  const client = `192.168.1.${10 + Math.floor(Math.random() * 40)}:${33_000 + Math.floor(Math.random() * 20_000)}`;
  const base = {
    id: world.nextId++,
    time: new Date(time).toISOString(),
    protocol: 'tcp',
    service: Math.random() < 0.7 ? 'web' : 'everything-else',
    client,
    destination: place.address.includes(':') ? `[${place.address}]:443` : `${place.address}:443`,
  };
  const usable = world.routes.filter(({ state }) => state === 'up' || state === 'suspect');
  if (Math.random() < 0.06)
    return {
      ...base,
      by: 'daemon',
      route: usable[0].name,
      criterion: 'weighted',
      reasons: ['weighted'],
      routes: [],
    };
  const attempts = usable.map((route) => {
    if (world.silent.has(route.name)) return { route: route.name, answer: 'silence', sentMicros: 0 };
    const micros = Math.round(place.micros[route.at] * (0.9 + 0.25 * Math.random()));
    return { route: route.name, answer: 'syn-ack', sentMicros: 0, answeredMicros: micros, rttMicros: micros };
  });
  const order = attempts.filter(({ answeredMicros }) => answeredMicros !== undefined);
  order.sort((a, b) => a.answeredMicros - b.answeredMicros);
  const [winner, second] = order;
  return {
    ...base,
    by: 'race',
    route: winner?.route ?? null,
    criterion: 'race',
    reasons: [winner === undefined ? 'all-routes-silent' : 'first-reply'],
    routes: attempts,
    states: Object.fromEntries(world.routes.map(({ name, state }) => [name, state])),
    ...(second === undefined
      ? {}
      : { lead: { over: second.route, micros: second.answeredMicros - winner.answeredMicros } }),
  };
}

export function statusOf(world) {
  return {
    version: '0.1.0',
    configuration: {
      file: '/etc/pathrace/gateway.yaml',
      readAt: new Date(world.startedMs).toISOString(),
      state: 'same',
      differences: 0,
    },
    alarms: alarmsOf(world),
    notes: [],
    memory: memoryCounts(world),
    uptimeSeconds: Math.round((Date.now() - world.startedMs) / 1000),
    routes: world.routes.map((route) => routeOf(world, route)),
    races: {
      started: world.totals.started,
      decided: world.totals.decided,
      failed: world.totals.failed,
      active: 4,
      single: { criterion: 410, remembered: 92_011 },
    },
    fastPath: { wanted: 'auto', state: 'on', why: null },
    cutting: { cut: 0, left: 0 },
    packets: { dropped: {}, ignored: {}, queue: {} },
  };
}

function memoryCounts({ isEmpty }) {
  const of = (count) => (isEmpty ? 0 : count);
  return {
    destinations: of(8241),
    trusted: of(6120),
    inKernel: of(6120),
    size: 100_000,
    evicted: 0,
    rescues: of(14),
  };
}

export function alarmsOf(world) {
  const down = world.routes.filter(({ state }) => state === 'down' || state === 'suspect');
  return down.map(({ name, state, reasons }) => `route ${name} is ${state} (${reasons.join(', ')})`);
}

export function routeOf(
  _world,
  { at, name, state, since, reasons, attempts, wins, losses, rescues, connections, seconds },
) {
  const last = seconds.at(-1);
  return {
    name,
    state,
    reasons,
    since,
    attempts,
    wins,
    losses,
    rescues,
    connections,
    interface: `wan${at}`,
    addresses: [`198.51.100.${at + 2}`, `2001:db8:${at}::2`],
    gateways: [`198.51.100.${at + 1}`],
    traffic: { in: last.in, out: last.out },
    quota:
      at === 1
        ? {
            used: 71.4e9,
            bytes: 100e9,
            action: 'last-resort',
            day: 1,
            since: new Date(0).toISOString(),
            until: new Date(1e12).toISOString(),
            zone: 'UTC',
            spent: false,
          }
        : { used: 12.3e9 / (at + 1), bytes: null },
    ...(at === 0 ? { check: { ok: true, rttMicros: 8120, lastOk: new Date().toISOString() } } : {}),
    portUse: 0.02,
  };
}

export function detailOf(world, route) {
  const lane = (family) => ({
    family,
    carries: true,
    addresses: [family === 'ipv4' ? '198.51.100.2' : '2001:db8::2'],
    gateway: '198.51.100.1',
    state: route.state === 'suspect' || route.state === 'down' ? route.state : 'up',
    reason: route.reasons[0] ?? 'answered',
    since: route.since,
  });
  return {
    ...routeOf(world, route),
    lastResort: route.at === 4,
    weight: 1,
    cost: route.at === 1 ? 0.4 : 0,
    capacity: route.at === 0 ? 1e9 : null,
    evidence: [lane('ipv4'), lane('ipv6')],
    seconds: route.seconds,
    minutes: route.minutes,
    services: ['web', 'everything-else'],
    pins: 0,
  };
}

/** A second goes by. */
export function countersOf(world, made, shown) {
  const now = Date.now();
  world.totals.started += made;
  world.totals.decided += made;
  for (const route of world.routes) {
    route.seconds.push(sampleOf(world, route, now));
    route.seconds.splice(0, route.seconds.length - 120);
    route.attempts += made;
    const up = world.silent.has(route.name) ? 0 : made / (route.at + 2);
    route.wins += Math.round(up);
  }
  const { started, decided, failed } = world.totals;
  const { destinations, trusted, inKernel } = memoryCounts(world);
  return {
    time: new Date(now).toISOString(),
    seconds: 1,
    races: { started, decided, failed, active: 4, single: 92_421, perSecond: made },
    decisions: { made, shown },
    memory: { destinations, trusted, inKernel },
    routes: world.routes.map(({ name, state, attempts, wins, losses, rescues, connections, seconds }) => {
      const { in: into, out, rttMicros } = seconds.at(-1);
      return { name, state, attempts, wins, losses, rescues, connections, in: into, out, rttMicros };
    }),
  };
}

export function memoryOf(world) {
  if (world.isEmpty) return [];
  return world.places.map(({ address, micros }, at) => {
    const routes = {};
    for (const { name, at: number, state } of world.routes) {
      if (state === 'disabled' || (at + number) % 11 === 10) continue;
      const isSilent = world.silent.has(name);
      routes[name] = {
        rttMicros: isSilent ? null : Math.round(micros[number]),
        ageSeconds: at * 3,
        answer: isSilent ? 'silent' : at % 13 === 5 ? 'slow' : 'answered',
      };
    }
    const [best] = Object.entries(routes)
      .filter(([, { rttMicros }]) => rttMicros !== null)
      .sort(([, a], [, b]) => a.rttMicros - b.rttMicros);
    return {
      destination: at % 7 === 3 ? `198.51.${at}.0/24` : address,
      of: at % 11 === 5 ? 'dns' : 'connections',
      routes,
      best: best?.[0] ?? null,
      trusted: at < 30,
    };
  });
}

const CONFIG = `# A gateway with three providers.
lan: [lan0]

routes:
  fiber: { interface: wan0, weight: 3 }
  cable:
    interface: wan1
    cost: 0.4/GB
    quota: { volume: 100GB, day: 1, then: last-resort }
  radio: { interface: wan2, weight: 1 }

services:
  - name: calls
    match: { udp: [5060, 16384-32767] }
    select: { criterion: priority, routes: [fiber, cable] }
  - name: web
    match: { tcp: [80, 443] }
    select: race
  - name: everything-else
    match: { tcp: any }
    select: race
    affinity: client+destination

log: { level: info }
`;
