// Serves the built page with a made-up gateway behind it: node web/dev/server.mjs [--port N] [--routes N] [--rate N] [--token TEXT] [--role read] [--empty]
// `POST /dev/silence?route=NAME` makes a provider silent, `POST /dev/heal` ends that. For looking at the page only; its tests use a real gateway.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  alarmsOf,
  countersOf,
  detailOf,
  makeDecision,
  makeWorld,
  memoryOf,
  routeOf,
  statusOf,
} from './world.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8099' },
    routes: { type: 'string', default: '3' },
    rate: { type: 'string', default: '40' },
    token: { type: 'string', default: '' },
    role: { type: 'string', default: 'operate' },
    empty: { type: 'boolean', default: false },
  },
});

const FOLDER = fileURLToPath(new URL('../../dist/web/', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const POLICY =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const world = makeWorld({ routes: Number(values.routes), rate: Number(values.rate), isEmpty: values.empty });
const streams = new Set();
let isLoggedIn = values.token === '';
let eventId = 0;

function publish(name, data) {
  const text = `id: dev-${++eventId}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  for (const stream of streams) stream.write(text);
}

let made = 0;
let shown = 0;
if (!values.empty) {
  setInterval(() => {
    const count = world.rate / 4;
    made += count;
    const decisions = Array.from({ length: Math.min(10, Math.max(1, Math.round(count))) }, () =>
      makeDecision(world),
    );
    shown += decisions.length;
    world.decisions.unshift(...decisions);
    world.decisions.length = Math.min(world.decisions.length, 1000);
    publish('decision', { decisions, made: count, shown: decisions.length });
  }, 250);
}
setInterval(() => {
  publish('counters', countersOf(world, made, shown));
  made = 0;
  shown = 0;
}, 1000);

function turn(name, state, reasons) {
  const route = world.routes.find((one) => one.name === name);
  const before = route.state;
  const alarms = alarmsOf(world);
  Object.assign(route, { state, reasons, since: new Date().toISOString() });
  publish('route', { route: name, state, before, reasons, since: route.since });
  const now = alarmsOf(world);
  publish('alarm', {
    alarms: now,
    raised: now.filter((one) => !alarms.includes(one)),
    cleared: alarms.filter((one) => !now.includes(one)),
  });
}

const session = () =>
  isLoggedIn
    ? {
        role: values.role,
        name: values.token === '' ? null : 'night-shift',
        until: values.token === '' ? null : new Date(Date.now() + 3_600_000).toISOString(),
        csrf: 'x',
      }
    : { role: null, name: null, until: null };
const SERVICES = [
  ['calls', 'udp: [5060, 16384-32767]', 'priority', { kind: 'one', routes: { fiber: 1 } }],
  [
    'backups',
    'tcp: 22; time: 22:00-06:00',
    'cheapest',
    { kind: 'turns', routes: { fiber: 0.6, cable: 0.3, radio: 0.1 } },
  ],
  ['web', 'tcp: [80, 443]', 'race', { kind: 'memory', routes: {} }],
  ['everything-else', 'tcp: any', 'race', { kind: 'race', routes: {} }],
];
let hits = 41_230;
function takenBy(at) {
  hits += 7 * at;
  return hits;
}

const GETS = {
  '/v1/session': session,
  '/v1/status': () => statusOf(world),
  '/v1/routes': () => world.routes.map((route) => routeOf(world, route)),
  '/v1/memory': (query) =>
    memoryOf(world).filter(
      ({ destination, best }) =>
        destination.startsWith(query.get('prefix') ?? '') && (query.get('best') ?? best) === best,
    ),
  '/v1/flows': () => ({
    flows: world.isEmpty
      ? []
      : world.decisions.slice(0, 100).map(({ client, destination, protocol, route, service, ...rest }) => ({
          protocol,
          client,
          destination,
          route,
          service,
          reason: 'first-reply',
          decision: { client, destination, protocol, route, service, ...rest },
        })),
    next: 'more',
    time: new Date().toISOString(),
  }),
  '/v1/decisions': () => ({
    decisions: world.isEmpty ? [] : world.decisions.slice(0, 100),
    next: null,
    oldest: world.decisions.at(-1).time,
  }),
  '/v1/why': (query) =>
    world.decisions
      .filter(({ destination }) => destination.includes(query.get('address') ?? ''))
      .slice(0, 20)
      .map((one) => ({
        ...one,
        passed: [
          { service: 'calls', why: 'its protocol is udp, this is tcp' },
          { service: 'backups', why: 'its time is 22:00-06:00' },
        ],
      })),
  '/v1/services': () =>
    SERVICES.map(([name, match, select, plan], at) => ({
      name,
      match,
      select,
      affinity: at === 3 ? 'client+destination' : 'none',
      active: at !== 1,
      plan: { ipv4: plan, ipv6: plan },
      hits: takenBy(at),
    })),
  '/v1/config/file': () => ({ file: '/etc/pathrace/gateway.yaml', text: world.text, digest: 'a'.repeat(64) }),
  '/v1/what-if': (query) => ({
    time: new Date().toISOString(),
    client: query.get('client'),
    destination: query.get('destination'),
    port: Number(query.get('port')) || null,
    protocol: 'tcp',
    isName: false,
    outcomes: [
      {
        destination: `${query.get('destination')}:443`,
        service: 'web',
        passed: [{ service: 'calls', why: 'its protocol is udp, this is tcp' }],
        criterion: 'race',
        by: 'race',
        action: 'race',
        route: null,
        reasons: [],
        text: 'It would be raced over fiber and cable; radio would be asked after 30 ms.',
        routes: [
          { route: 'fiber', state: 'up', part: 'races', why: 'it is up' },
          { route: 'cable', state: 'up', part: 'races', why: 'it is up' },
          { route: 'radio', state: 'up', part: 'waits', why: 'it is a last resort', afterMicros: 30_000 },
        ],
        memory: null,
        pin: null,
        mayMeasure: true,
        notes: [],
      },
    ],
  }),
};

function validate(text) {
  const problems = text.split('\n').flatMap((line, at) =>
    /interfce|cots/.test(line)
      ? [
          {
            line: at + 1,
            column: 5,
            key: 'routes.cable',
            found: line.trim(),
            expected: 'interface, weight, cost, quota',
            message: `there is no key ${/\w+/.exec(line)[0]}`,
          },
        ]
      : [],
  );
  return { valid: problems.length === 0, problems, notes: [] };
}
const preview = () => ({
  changes: [
    { key: 'routes.cable.cost', before: '0.4', after: '0.5', apply: 'live' },
    { key: 'memory.size', before: '100000', after: '200000', apply: 'restart' },
  ],
  effects: [
    {
      route: 'radio',
      becomes: null,
      connections: 12,
      fate: 'cut',
      text: 'radio is gone: its 12 connections are cut',
    },
  ],
});

function bodyOf(request) {
  return new Promise((resolve) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => resolve(text));
  });
}

function answer(response, value, status = 200) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function refuse(response, status, code, message) {
  answer(response, { type: '', title: message, status, detail: message, code, message, remedy: '' }, status);
}

async function handle(request, response) {
  const url = new URL(request.url, 'http://x');
  const { pathname: path, searchParams: query } = url;
  response.setHeader('content-security-policy', POLICY);
  if (path === '/dev/silence') {
    world.silent.add(query.get('route'));
    turn(query.get('route'), 'suspect', ['silent']);
    setTimeout(
      () => world.silent.has(query.get('route')) && turn(query.get('route'), 'down', ['silent']),
      2000,
    );
    return response.end();
  }
  if (path === '/dev/heal') {
    for (const name of world.silent) turn(name, 'up', ['answered']);
    world.silent.clear();
    return response.end();
  }
  if (!path.startsWith('/v1/')) return serveFile(path, response);
  if (path === '/v1/session') {
    if (request.method === 'POST') {
      if (JSON.parse(await bodyOf(request)).token !== values.token)
        return refuse(response, 401, 'E_UNAUTHENTICATED', 'The token is not right.');
      isLoggedIn = true;
    }
    if (request.method === 'DELETE') isLoggedIn = false;
    return answer(response, session());
  }
  if (!isLoggedIn)
    return refuse(response, 401, 'E_UNAUTHENTICATED', 'This needs a token, and none was sent.');
  if (path === '/v1/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 1000\n\n');
    streams.add(response);
    response.on('close', () => streams.delete(response));
    return;
  }
  if (path === '/v1/config/validate') return answer(response, validate(await bodyOf(request)));
  if (path === '/v1/config/diff') return answer(response, preview());
  if (path === '/v1/config/apply') {
    world.text = await bodyOf(request);
    return answer(response, {
      ...preview(),
      applied: true,
      file: '/etc/pathrace/gateway.yaml',
      backup: '/etc/pathrace/gateway.yaml.bak',
    });
  }
  const [, name, command] = /^\/v1\/routes\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
  const route = world.routes.find((one) => one.name === decodeURIComponent(name ?? ''));
  if (route !== undefined && command !== undefined) {
    turn(route.name, { drain: 'draining', disable: 'disabled' }[command] ?? 'up', ['by-command']);
    return answer(response, { route: route.name, state: route.state, cut: 0 });
  }
  if (route !== undefined) return answer(response, detailOf(world, route));
  const get = GETS[path];
  if (get === undefined) return refuse(response, 404, 'E_NOT_FOUND', 'There is no such thing.');
  answer(response, get(query));
}

async function serveFile(path, response) {
  const name = path === '/' ? '/index.html' : path;
  const file = join(FOLDER, normalize(name));
  try {
    const bytes = await readFile(file);
    response
      .writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
      .end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(Number(values.port), '127.0.0.1', () =>
  console.log(`ready http://127.0.0.1:${server.address().port}/`),
);
