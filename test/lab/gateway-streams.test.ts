/**
 * Streams of RTSP with GStreamer's server and client: over UDP the server sends first, to a client that has sent nothing by its ports. Plain NAT
 * lets nothing of that in; here it comes by the route of its connection.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Beside, besideGateway, besidePlainNat } from './support/beside.js';
import { play, queued, RTSP_PORT, rtspServer } from './support/calls.js';
import { NEAR } from './support/gateway-lab.js';

const RACE = { name: 'all', match: 'any', select: 'race', affinity: 'none' };
/** Of the addresses of that machine the one that it sends from. */
const NEAR6 = '2001:db8:100::2';
const CALLS_QUEUE = 5053;
const SECONDS = 4;
/** Of 8000 samples a second, less what it takes to begin. */
const SOME = 8000;

describe('beside plain NAT', () => {
  let beside: Beside;

  beforeAll(async () => {
    beside = await besidePlainNat();
    await rtspServer(beside.lab, beside.lab.server('near'), NEAR);
  });

  afterAll(() => beside?.stop());

  test('a client over UDP that only listens hears nothing', async () => {
    const { bytes } = await play(beside.lab, NEAR, { over: 'udp', seconds: SECONDS });
    expect(bytes).toBe(0);
    const sent = await beside.lab.wire.trace({ kind: 'udp', direction: 'in' });
    expect(sent.length).toBeGreaterThan(20);
  });
});

describe.each([
  ['race', () => besideGateway(RACE, { trust: '0s' })],
  ['turns', () => besideGateway({ ...RACE, select: 'round-robin' }, {})],
] as const)('beside %s', (_, start) => {
  let beside: Beside;

  beforeAll(async () => {
    beside = await start();
    const host = beside.lab.server('near');
    await rtspServer(beside.lab, host, NEAR);
    await rtspServer(beside.lab, host, NEAR6);
  });

  afterAll(() => beside?.stop());

  const calls = async () => (await beside.gateway!.status()).calls!.rtsp;
  const packets = async () => beside.lab.wire.trace({ kind: 'udp' });

  test.each([
    ['IPv4', NEAR],
    ['IPv6', NEAR6],
  ])(
    '%s: it hears the stream over UDP, by the route of its connection, and the server has sent first',
    async (__, address) => {
      const { lab } = beside;
      const before = await calls();
      await lab.wire.reset();
      const { bytes, output } = await play(lab, address, { over: 'udp', seconds: SECONDS });
      expect(bytes, output).toBeGreaterThan(SOME);
      const media = (await packets()).filter(({ length }) => length > 100);
      expect(media.length).toBeGreaterThan(20);
      expect(media.every(({ direction, fate }) => direction === 'in' && fate === 'passed')).toBe(true);
      const tcp = (await lab.wire.trace({ direction: 'in' })).filter(
        ({ protocol, sourcePort, length }) => protocol === 'tcp' && sourcePort === RTSP_PORT && length > 0,
      );
      expect(new Set(media.map(({ provider }) => provider))).toEqual(
        new Set(tcp.map(({ provider }) => provider)),
      );
      expect(await calls()).toEqual({ started: before.started + 1, ended: before.ended + 1, active: 0 });
    },
  );

  test('two at once have their own', async () => {
    const { lab } = beside;
    const both = await Promise.all([1, 2].map(() => play(lab, NEAR, { over: 'udp', seconds: SECONDS })));
    for (const { bytes, output } of both) expect(bytes, output).toBeGreaterThan(SOME);
  });

  test('a client that speaks first hears it as well', async () => {
    const { bytes, output } = await play(beside.lab, NEAR, { over: 'udp', seconds: SECONDS, speaks: true });
    expect(bytes, output).toBeGreaterThan(SOME);
  });

  test.each(['udp', 'tcp'] as const)('over %s no packet of media passes the daemon', async (over) => {
    const { lab } = beside;
    const before = { calls: await queued(lab.gateway, CALLS_QUEUE), ended: (await calls()).ended };
    await lab.wire.reset();
    const { bytes, output } = await play(lab, NEAR, { over, seconds: SECONDS });
    expect(bytes, output).toBeGreaterThan(SOME);
    const media = (await lab.wire.trace({ direction: 'in' })).filter(({ length }) => length > 160);
    expect(media.length).toBeGreaterThan(100);
    // OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, with handshake, acknowledgements and end.
    expect((await queued(lab.gateway, CALLS_QUEUE)) - before.calls).toBeLessThan(40);
    expect((await calls()).ended).toBe(before.ended + 1);
  });
});

describe('where nobody follows', () => {
  test('the client hears nothing, and nothing is queued; until a reload says otherwise, and again', async () => {
    const beside = await besideGateway(RACE, { trust: '0s' }, { follow: 'none' });
    try {
      await rtspServer(beside.lab, beside.lab.server('near'), NEAR);
      const { bytes } = await play(beside.lab, NEAR, { over: 'udp', seconds: SECONDS });
      expect(bytes).toBe(0);
      expect(await queued(beside.lab.gateway, CALLS_QUEUE)).toBeNaN();
      const gateway = beside.gateway!;
      const reload = async (follow: string): Promise<void> => {
        gateway.rewriteConfig({ services: [RACE], memory: { trust: '0s' }, follow } as never);
        await gateway.command('reload');
      };
      await reload('rtsp');
      const { bytes: some, output } = await play(beside.lab, NEAR, { over: 'udp', seconds: SECONDS });
      expect(some, output).toBeGreaterThan(SOME);
      await reload('none');
      const { bytes: none } = await play(beside.lab, NEAR, { over: 'udp', seconds: SECONDS });
      expect(none).toBe(0);
      expect(await queued(beside.lab.gateway, CALLS_QUEUE)).toBeNaN();
    } finally {
      await beside.stop();
    }
  });
});
