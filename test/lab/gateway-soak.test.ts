/** Many connections, one after the other, to one server and port: ports come round again and nothing may get in the way. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectResult, EchoServer } from '../../lab/index.js';
import { connectMs, GatewayLab, halfOpen, NEAR } from './support/gateway-lab.js';

const PORT = 7;
/** The server closes first here, so that it keeps the TIME_WAIT. */
const CLOSING_PORT = 8;
const CLIENTS = 8;
const CONNECTIONS = 20_000;
const BYTES = 20;
/** One SYN that was lost or answered wrongly costs a second. */
const NO_REPEAT_MS = 900;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    { plain: true, lan: { clients: CLIENTS }, providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] },
    // Every one is raced, however fast they come.
    { config: { limits: { raceRatePerClient: 1_000_000, raceBurstPerClient: 1_000_000 } } },
  );
  // The lab keeps few TIME_WAITs of servers for benchmarks; here they are what is looked at.
  await made.lab.server().sysctl({ 'net.ipv4.tcp_max_tw_buckets': 100_000 });
  echo = await made.lab.server().echo({ ports: [PORT] });
  await made.lab.server().echo({ ports: [CLOSING_PORT], closeAfterBytes: BYTES });
});

afterAll(async () => {
  await made?.stop();
});

async function run(port: number, count: number): Promise<ConnectResult[]> {
  const sources = made.lab.clients.map(({ ipv4 }) => ipv4);
  return made.lab.client().connect({
    targets: [{ address: NEAR, port }],
    sources,
    count,
    concurrency: 8,
    bytes: BYTES,
    timeoutMs: 5000,
  });
}

function expectQuick(results: readonly ConnectResult[]): void {
  const slow = connectMs(results).filter((ms) => ms > NO_REPEAT_MS);
  expect(slow).toEqual([]);
}

test(`${CONNECTIONS} connections of ${CLIENTS} clients, closed by the client`, async () => {
  expectQuick(await run(PORT, CONNECTIONS));
  expect(await halfOpen(made.lab)).toBe(0);
  expect(await echo.count()).toMatchObject({ accepted: CONNECTIONS, bytes: CONNECTIONS * BYTES });
  const { races } = await made.status();
  expect(races).toMatchObject({ started: CONNECTIONS, decided: CONNECTIONS, failed: 0, single: {} });
});

test('closed by the server, whose TIME_WAITs stay', async () => {
  expectQuick(await run(CLOSING_PORT, CONNECTIONS / 4));
  expect(await halfOpen(made.lab)).toBe(0);
});

test.each([
  ['client', PORT],
  ['server', CLOSING_PORT],
] as const)('all clients from the same source ports, closed by the %s', async (_, port) => {
  // Each port comes to another client at once.
  const sourcePorts = Array.from(
    { length: 32 * CLIENTS },
    (_, index) => 40_000 + Math.floor(index / CLIENTS),
  );
  const results = await made.lab.client().connect({
    targets: [{ address: NEAR, port }],
    sources: made.lab.clients.map(({ ipv4 }) => ipv4),
    sourcePorts,
    count: sourcePorts.length,
    concurrency: 1,
    bytes: BYTES,
  });
  expectQuick(results);
  expect(await halfOpen(made.lab)).toBe(0);
});
