/**
 * Calls of SIP with SIPp, whose server sends its voice as soon as the call is answered, to a client that has sent nothing by its port of media and
 * has named its private address. What the provider carries and what the client gets are the oracle; plain NAT is the other one.
 */
import type { Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Task, WirePacket } from '../../lab/index.js';
import { socketClient } from '../../src/api/client.js';
import { type Beside, besideGateway, besidePlainNat } from './support/beside.js';
import { MEDIA_PORT, SERVER_MEDIA_PORT, SIP_PORT, sippCall, sippServer } from './support/calls.js';
import { boundIn, datagramSocket } from './support/datagram-socket.js';
import { eventually, NEAR } from './support/gateway-lab.js';

const CLIENT = '10.0.0.2';
/** Of the nearest provider. */
const OUTSIDE = '203.0.1.2';
const RACE = { name: 'all', match: 'any', select: 'race', affinity: 'none' };
const SECONDS = 3;
/** Of 50 a second. */
const SOME = 60;

/** The server does as those that know NAT: media for a private address go to where the signalling came from. */
async function knowsNat({ lab }: Beside): Promise<void> {
  const host = lab.server('near');
  const device = /dev (\S+)/.exec(await host.must(['ip', 'route', 'get', OUTSIDE]))?.[1] ?? '';
  await host.must(['ip', 'route', 'add', '10.0.0.0/24', 'dev', device]);
  await host.must(['nft', '-f', '-'], {
    input: `table ip far {
      chain out { type nat hook output priority -100; ip daddr 10.0.0.0/24 dnat to ${OUTSIDE}; }
    }\n`,
  });
}

/** Who listens at the client's port of media, and says nothing. */
async function listener({ lab }: Beside): Promise<{ socket: Socket; got: Buffer[] }> {
  const socket = datagramSocket('udp4');
  const got: Buffer[] = [];
  socket.on('message', (bytes) => got.push(bytes));
  await boundIn(lab.client().namespace, socket, MEDIA_PORT, CLIENT);
  return { socket, got };
}

async function media({ lab }: Beside): Promise<WirePacket[]> {
  const all = await lab.wire.trace({ kind: 'udp' });
  return all.filter(
    (one) => one.sourcePort === SERVER_MEDIA_PORT || one.destinationPort === SERVER_MEDIA_PORT,
  );
}

/** `during`: what is asked while it lasts. */
async function call(
  beside: Beside,
  transport: 'u1' | 't1',
  named = CLIENT,
  port = SIP_PORT,
  during = async (): Promise<void> => undefined,
) {
  // What it sends to one end must not be another flow's of before.
  await beside.lab.server('near').must(['conntrack', '-F']);
  const server = sippServer(beside.lab, beside.lab.server('near'), NEAR, { transport, port });
  const { socket, got } = await listener(beside);
  try {
    await sleep(300);
    await beside.lab.wire.reset();
    const made = sippCall(beside.lab, NEAR, {
      ...{ transport, port },
      ...{ seconds: SECONDS, media: named },
    });
    const [{ code, output }] = await Promise.all([made, during()]);
    return { code, output, got: got.length, media: await media(beside) };
  } finally {
    socket.close();
    await endOf(server);
  }
}

/** SIPp ends at once when it is told twice. */
async function endOf(server: Task): Promise<void> {
  server.signal('SIGKILL');
  await server.done;
}

describe('beside plain NAT', () => {
  let beside: Beside;

  beforeAll(async () => {
    beside = await besidePlainNat();
    await knowsNat(beside);
  });

  afterAll(() => beside?.stop());

  test('a call is made, and its client hears nothing', async () => {
    const { code, output, got, media: sent } = await call(beside, 'u1');
    expect(code, output).toBe(0);
    expect(sent.length).toBeGreaterThan(SOME);
    expect(got).toBe(0);
  });
});

describe('beside a race', () => {
  let beside: Beside;

  beforeAll(async () => {
    beside = await besideGateway(RACE, { trust: '0s' });
    await knowsNat(beside);
  });

  afterAll(() => beside?.stop());

  const calls = async () => (await beside.gateway!.status()).calls!.sip;

  test.each([
    ['UDP', 'u1', CLIENT],
    ['UDP, and a client that knows its address outside', 'u1', OUTSIDE],
    ['TCP', 't1', CLIENT],
  ] as const)(
    'over %s: the client hears its voice, by the route of its call',
    async (_, transport, named) => {
      const before = await calls();
      const { code, output, got, media: sent } = await call(beside, transport, named);
      expect(code, output).toBe(0);
      expect(got).toBeGreaterThan(SOME);
      expect(new Set(sent.map(({ provider, direction }) => `${provider} ${direction}`))).toEqual(
        new Set(['a in']),
      );
      expect(await calls()).toEqual({ started: before.started + 1, ended: before.ended + 1, active: 0 });
    },
  );

  test('what-if says, while it lasts, that its media go with it, and until when; why says so, too', async () => {
    const { lab } = beside;
    const ask = socketClient(lab.controlSocket);
    const media = { client: CLIENT, destination: NEAR, port: SERVER_MEDIA_PORT, protocol: 'udp' } as const;
    const foreseen = async (query: typeof media | { port: number } = media) =>
      (await ask('GET /v1/what-if', { query: { ...media, ...query } })).outcomes[0]!;
    await call(beside, 'u1', CLIENT, SIP_PORT, async () => {
      const announced = await eventually(
        () => foreseen(),
        ({ action }) => action === 'follow',
        SECONDS * 1000,
      );
      expect(announced).toMatchObject({
        ...{ by: 'kernel', route: 'a', service: null, reasons: ['follows'], routes: [] },
        pin: { route: 'a', by: 'control', until: expect.stringMatching(/^20/) },
      });
      // What no call has announced.
      expect(await foreseen({ port: SERVER_MEDIA_PORT + 7 })).toMatchObject({ service: 'all', pin: null });
      const query = { address: NEAR, port: SERVER_MEDIA_PORT, client: CLIENT };
      const found = await eventually(
        () => ask('GET /v1/why', { query }),
        (decisions) => decisions.length > 0,
        SECONDS * 1000,
      );
      expect(found[0]).toMatchObject({ route: 'a', open: true, pin: { by: 'control', route: 'a' } });
    });
  });

  test('its INVITE has left by all routes, to the byte, and the nearest one’s answer came back', async () => {
    await beside.lab.gateway.run(['conntrack', '-D', '-p', 'udp']);
    const before = (await beside.gateway!.status()).races.decided;
    const { code, output } = await call(beside, 'u1');
    expect(code, output).toBe(0);
    const out = (await beside.lab.wire.trace({ kind: 'udp', direction: 'out' })).filter(
      ({ destinationPort }) => destinationPort === SIP_PORT,
    );
    expect(new Set(out.map(({ provider }) => provider))).toEqual(new Set(['a', 'b', 'c']));
    const invites = ['a', 'b', 'c'].map((name) => out.find(({ provider }) => provider === name)!);
    expect(new Set(invites.map(({ length }) => length)).size).toBe(1);
    expect((await beside.gateway!.status()).races.decided).toBe(before + 1);
    // ACK and BYE go where the call goes.
    expect(out.filter(({ provider }) => provider === 'a').length).toBe(out.length - 2);
  });
});

test.each(['u1', 't1'] as const)(
  'a call by another port, that a service says to be SIP’s, over %s: as by the usual one',
  async (transport) => {
    const port = 5080;
    const service = { ...RACE, match: { udp: port, tcp: port }, speaks: 'sip' };
    const beside = await besideGateway(service, { trust: '0s' });
    try {
      await knowsNat(beside);
      const { code, output, got, media: sent } = await call(beside, transport, CLIENT, port);
      expect(code, output).toBe(0);
      expect(got).toBeGreaterThan(SOME);
      expect(new Set(sent.map(({ provider, direction }) => `${provider} ${direction}`))).toEqual(
        new Set(['a in']),
      );
      expect((await beside.gateway!.status()).calls!.sip).toEqual({ started: 1, ended: 1, active: 0 });
    } finally {
      await beside.stop();
    }
  },
);

const register = (seconds: number, cseq = 1): string =>
  [
    'REGISTER sip:example.test SIP/2.0',
    `Via: SIP/2.0/UDP ${CLIENT}:${SIP_PORT};branch=z9hG4bKr${cseq};rport`,
    'From: <sip:alice@example.test>;tag=a',
    'To: <sip:alice@example.test>',
    'Call-ID: registration',
    `CSeq: ${cseq} REGISTER`,
    `Contact: <sip:alice@${CLIENT}:${SIP_PORT}>;expires=${seconds}`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');

/** As a registrar says yes. */
const accepts = (request: string): string =>
  request
    .replace(/^REGISTER .*/, 'SIP/2.0 200 OK')
    .replace('To: <sip:alice@example.test>', 'To: <sip:alice@example.test>;tag=b');

describe.each([
  ['plain NAT', () => besidePlainNat(), false],
  ['a race', () => besideGateway(RACE, { trust: '0s' }), true],
] as const)('a registration beside %s', (_, start, isKept) => {
  let beside: Beside;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    beside = await start();
    // What a minute is to a gateway with its usual settings is a second here.
    await beside.lab.gateway.sysctl({
      'net.netfilter.nf_conntrack_udp_timeout': 1,
      'net.netfilter.nf_conntrack_udp_timeout_stream': 2,
    });
  });

  afterAll(async () => {
    for (const socket of sockets) socket.close();
    await beside?.stop();
  });

  test(`a call that comes much later ${isKept ? 'arrives' : 'does not arrive'}`, async () => {
    const { lab } = beside;
    const registrar = datagramSocket('udp4');
    const phone = datagramSocket('udp4');
    sockets.push(registrar, phone);
    await boundIn(lab.server('near').namespace, registrar, SIP_PORT, NEAR);
    await boundIn(lab.client().namespace, phone, SIP_PORT, CLIENT);
    const heard: string[] = [];
    phone.on('message', (bytes) => heard.push(String(bytes)));
    let from = { address: '', port: 0 };
    registrar.on('message', (bytes, sender) => {
      if (from.port === 0) from = { address: sender.address, port: sender.port };
      registrar.send(accepts(String(bytes)), from.port, from.address);
    });
    phone.send(register(200), SIP_PORT, NEAR);
    await eventually(
      async () => heard.length,
      (count) => count > 0,
      2000,
    );
    expect(heard[0]).toMatch(/^SIP\/2.0 200/);
    await sleep(5000);
    heard.length = 0;
    const invite = register(0, 7).replaceAll('REGISTER', 'INVITE');
    registrar.send(invite, from.port, from.address);
    await eventually(
      async () => heard.length,
      (count) => count > 0,
      1000,
    );
    expect(heard).toEqual(isKept ? [invite] : []);
  });

  if (isKept)
    test('what its client begins besides goes to the registrar by the same route', async () => {
      const { lab } = beside;
      const other = datagramSocket('udp4');
      sockets.push(other);
      await boundIn(lab.client().namespace, other, 5070, CLIENT);
      await lab.wire.reset();
      other.send(register(200, 9), SIP_PORT, NEAR);
      await sleep(500);
      const out = await lab.wire.trace({ kind: 'udp', direction: 'out' });
      expect(out.map(({ provider, sourcePort }) => `${provider} ${sourcePort}`)).toEqual(['a 5070']);
    });

  if (isKept)
    test('until that route is gone: then it registers by another one', async () => {
      const { lab } = beside;
      const [, phone] = sockets;
      await beside.gateway!.command('kill', 'a');
      await beside.gateway!.command('disable', 'a');
      await lab.wire.reset();
      phone.send(register(200, 11), SIP_PORT, NEAR);
      await sleep(500);
      const out = await lab.wire.trace({ kind: 'udp', direction: 'out' });
      expect(out.length).toBeGreaterThan(0);
      expect(out.filter(({ provider }) => provider === 'a')).toEqual([]);
    });
});
