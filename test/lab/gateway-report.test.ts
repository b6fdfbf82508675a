/** What `status` and `why` say, field by field: other tools rely on the shapes, people on the figures. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Decision, Status } from '../../src/api/contract.js';
import { connectMs, eventually, FAR, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
/** Refused by every provider, in another way each; refused in IPv6; never answered. */
const REFUSED = '198.51.100.3';
const REFUSED6 = '2001:db8:100::3';
const SILENT = '198.51.100.4';
const DELAY_MS = { a: 30, b: 10, c: 20 } as const;
/** What the gateway's own work and a busy machine add to a time that it measures. */
const SLACK_MICROS = 8000;
const SAMPLES = 5;

let made: GatewayLab;
let startedAt: number;

beforeAll(async () => {
  startedAt = Date.now();
  const reject = (answer: 'rst' | 'prohibited' | 'host-unreachable'): object => ({
    reject: { [REFUSED]: answer, [REFUSED6]: answer, [SILENT]: 'silent' },
  });
  made = await GatewayLab.start(
    {
      providers: [
        { name: 'a', link: { delayMs: DELAY_MS.a, ...reject('rst') } },
        { name: 'b', link: { delayMs: DELAY_MS.b, ...reject('prohibited') } },
        { name: 'c', link: { delayMs: DELAY_MS.c, ...reject('host-unreachable') } },
      ],
      servers: [{ name: 'near' }, { name: 'far', distanceMs: { a: 0, b: 40, c: 20 } }],
    },
    { config: { limits: { raceTimeout: '300ms' } } },
  );
  await made.lab.server().echo({ ports: [PORT, 9] });
});

afterAll(async () => {
  await made?.stop();
});

async function connectTo(address: string, port = PORT, count = 1, timeoutMs = 5000) {
  return made.lab.client().connect({ targets: [{ address, port }], count, concurrency: 1, timeoutMs });
}

/** The decisions once every route of the newest has been heard: losers are noted as they come in. */
function whyComplete(destination: string): Promise<Decision[]> {
  const complete = ([newest]: Decision[]): boolean =>
    newest?.routes.every(({ answer }) => answer !== 'silence') ?? false;
  return eventually(() => made.why(destination), complete, 1000);
}

function expectDecisionShape(decision: Decision): void {
  const { open: _, lead: _lead, ...always } = decision;
  expect(Object.keys(always).sort()).toEqual(
    [
      'by',
      'client',
      'criterion',
      'destination',
      'id',
      'protocol',
      'reasons',
      'route',
      'routes',
      'service',
      'states',
      'time',
    ].sort(),
  );
  expect(decision.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(Date.parse(decision.time)).toBeGreaterThanOrEqual(startedAt);
  expect(Date.parse(decision.time)).toBeLessThanOrEqual(Date.now());
  for (const attempt of decision.routes) {
    const { route, answer, rttMicros } = attempt;
    expect(['a', 'b', 'c']).toContain(route);
    expect(answer).toMatch(/^(?:syn-ack|rst|silence|not-sent|icmp(?:v6)? \d+\/\d+)$/);
    if (answer === 'silence' || answer === 'not-sent') expect(rttMicros).toBeUndefined();
    else expect(Number.isInteger(rttMicros)).toBe(true);
  }
}

test('why: the decisions, with what every route answered and when', async () => {
  for (const [address, distanceMs, winner] of [
    [NEAR, { a: 0, b: 0, c: 0 }, 'b'],
    [NEAR6, { a: 0, b: 0, c: 0 }, 'b'],
    [FAR, { a: 0, b: 40, c: 20 }, 'a'],
  ] as const) {
    connectMs(await connectTo(address, PORT, SAMPLES));
    const shown = address.includes(':') ? `[${address}]:${PORT}` : `${address}:${PORT}`;
    await whyComplete(shown);
    const decisions = JSON.parse(await made.command('why', shown)) as Decision[];
    expect(decisions.length).toBe(SAMPLES);
    for (const decision of decisions) {
      expectDecisionShape(decision);
      expect(decision).toMatchObject({ destination: shown, criterion: 'race', reasons: ['first-reply'] });
      expect(decision.client).toMatch(address.includes(':') ? /^\[fd00::2\]:\d+$/ : /^10\.0\.0\.2:\d+$/);
      const answers = decision.routes.map(({ route, answer }) => `${route} ${answer}`);
      expect(answers).toEqual(['a syn-ack', 'b syn-ack', 'c syn-ack']);
    }
    // A busy machine may delay one race; what the gateway adds is in the best.
    expect(decisions.map(({ route }) => route)).toContain(winner);
    for (const name of ['a', 'b', 'c'] as const) {
      const times = decisions.flatMap(({ routes }) => routes.filter(({ route }) => route === name));
      const best = Math.min(...times.map(({ rttMicros }) => rttMicros ?? 0));
      const wire = 2000 * (DELAY_MS[name] + distanceMs[name]);
      expect(best, `${address} over ${name}`).toBeGreaterThanOrEqual(wire);
      expect(best, `${address} over ${name}`).toBeLessThanOrEqual(wire + SLACK_MICROS);
    }
  }
});

test('why: newest first, by address and port or by address alone', async () => {
  await connectTo(NEAR, PORT, 3);
  await connectTo(NEAR, 9, 2);
  const seven = await made.why(`${NEAR}:${PORT}`);
  const nine = await made.why(`${NEAR}:9`);
  const all = await made.why(NEAR);
  expect(nine.length).toBe(2);
  expect(new Set(seven.map(({ destination }) => destination))).toEqual(new Set([`${NEAR}:${PORT}`]));
  const names = (decisions: Decision[]): string[] =>
    decisions.map(({ client, destination }) => `${client} ${destination}`);
  expect(names(all)).toEqual(names([...nine, ...seven]));
  const times = all.map(({ time }) => Date.parse(time));
  expect(times).toEqual([...times].sort((left, right) => right - left));
  expect(await made.why('198.51.100.77')).toEqual([]);
  expect(new Set((await made.why(NEAR6)).map(({ destination }) => destination))).toEqual(
    new Set([`[${NEAR6}]:${PORT}`]),
  );
});

test('why: a decision keeps its time, however often it is shown', async () => {
  const shown: string[] = [];
  for (let ask = 0; ask < 10; ask++) shown.push((await made.why(NEAR))[0]?.time ?? '');
  expect(new Set(shown).size).toBe(1);
});

test('why: refused by all', async () => {
  expect((await connectTo(REFUSED))[0]?.error).toBe('ECONNREFUSED');
  const [decision] = await made.why(`${REFUSED}:${PORT}`);
  expect(decision).toMatchObject({
    destination: `${REFUSED}:${PORT}`,
    route: null,
    criterion: 'race',
    reasons: ['all-routes-negative'],
  });
  if (decision !== undefined) expectDecisionShape(decision);
  expect(decision?.routes.map(({ route, answer }) => `${route} ${answer}`)).toEqual([
    'a rst',
    'b icmp 3/13',
    'c icmp 3/1',
  ]);
  for (const { route, rttMicros = 0 } of decision?.routes ?? []) {
    expect(rttMicros).toBeGreaterThanOrEqual(2000 * DELAY_MS[route as 'a']);
  }
});

test('why: refused by all in IPv6, in words that the table for people explains', async () => {
  expect((await connectTo(REFUSED6))[0]?.error).toBe('ECONNREFUSED');
  const [decision] = await made.why(`[${REFUSED6}]:${PORT}`);
  expect(decision?.routes.map(({ answer }) => answer)).toEqual(['rst', 'icmpv6 1/1', 'icmpv6 1/3']);
  const { stdout } = await made.lab.gateway.run([
    ...[process.execPath, 'bin/pathrace', 'why', `[${REFUSED6}]:${PORT}`],
    ...['--control', made.lab.controlSocket],
  ]);
  expect(stdout).toContain('forbidden by a filter');
  expect(stdout).toContain('address unreachable');
});

test('why: silence of all', async () => {
  expect((await connectTo(SILENT, PORT, 1, 250))[0]?.error).toBe('TIMEOUT');
  const noted = () => made.why(`${SILENT}:${PORT}`);
  const [decision] = await eventually(noted, (decisions) => decisions.length > 0, 2000);
  expect(decision).toMatchObject({ route: null, criterion: 'race', reasons: ['all-routes-silent'] });
  expect(decision?.routes).toEqual(
    ['a', 'b', 'c'].map((route) => ({ route, answer: 'silence', sentMicros: 0 })),
  );
});

test('status: the shape, and figures that add up', async () => {
  const status = JSON.parse(await made.command('status')) as Status;
  expect(status.routes.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  for (const route of status.routes) {
    expect(route.state).toBe('up');
    for (const key of ['attempts', 'wins', 'losses', 'connections'] as const) {
      expect(Number.isInteger(route[key]) && route[key] >= 0, `${route.name}.${key}`).toBe(true);
    }
  }
  const { races, routes } = status;
  for (const key of ['started', 'decided', 'failed', 'active'] as const) {
    expect(Number.isInteger(races[key]), key).toBe(true);
  }
  expect(races.started).toBe(races.decided + races.failed + races.active);
  const sum = (key: 'attempts' | 'wins' | 'losses'): number =>
    routes.reduce((total, route) => total + route[key], 0);
  expect(sum('wins')).toBe(races.decided);
  expect(sum('attempts')).toBeGreaterThanOrEqual(3 * races.started);
  // Every route answered every race but the silent one; refused ones have losers only.
  expect(sum('wins') + sum('losses')).toBe(3 * (races.started - 1));
  for (const group of [status.packets.dropped, status.packets.ignored, races.single]) {
    for (const [reason, count] of Object.entries(group)) {
      expect(reason).toMatch(/^[a-z0-9-]+$/);
      expect(Number.isInteger(count)).toBe(true);
    }
  }
});

test('status: living connections per route, and none once they are closed', async () => {
  const holder = made.lab.client().connector();
  const targets = [NEAR, NEAR6, FAR].map((address) => ({ address, port: PORT }));
  connectMs(await holder.run({ targets, count: 30, hold: true, bytes: 10 }));
  const connections = async (): Promise<number[]> =>
    (await made.status()).routes.map((route) => route.connections);
  expect(await eventually(connections, (each) => each.join() === '10,20,0', 1000)).toEqual([10, 20, 0]);
  await holder.release();
  expect(await eventually(connections, (each) => each.join() === '0,0,0', 2000)).toEqual([0, 0, 0]);
  await holder.stop();
});
