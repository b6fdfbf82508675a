/** Connections from outside: a port forward of the administrator's own rules works beside the gateway. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectResult } from '../../lab/index.js';
import { connectMs, GatewayLab, NEAR } from './support/gateway-lab.js';

const INSIDE_PORT = 8000;
/** A usual port, and one in the middle of those that attempts use. */
const FORWARDED = [8080, 20_000];
/** The gateway's own service, there as well. */
const OWN_PORT = 22_222;
const TABLE = 'forwards';

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start({
    providers: [
      { name: 'a', link: { delayMs: 5 } },
      { name: 'b', link: { delayMs: 10 } },
      { name: 'c', link: { delayMs: 15 } },
    ],
  });
  await made.lab
    .client()
    .child('children/echo')
    .ask('listen', { ports: [INSIDE_PORT] });
  await made.lab.server().echo({ ports: [7] });
  const { ipv4, ipv6 } = made.lab.client();
  await made.lab.gateway.must(['nft', '-f', '-'], {
    input: `
      table inet ${TABLE} {
        chain before {
          type nat hook prerouting priority dstnat;
          iifname "wan2" meta nfproto ipv4 tcp dport { ${FORWARDED.join(', ')} } dnat ip to ${ipv4}:${INSIDE_PORT}
          iifname "wan2" meta nfproto ipv6 tcp dport { ${FORWARDED.join(', ')} } dnat ip6 to [${ipv6}]:${INSIDE_PORT}
        }
      }`,
  });
});

afterAll(async () => {
  await made?.lab.gateway.run(['nft', 'delete', 'table', 'inet', TABLE]);
  await made?.stop();
});

/** The server of the outside as a client. */
async function fromOutside(address: string, port: number, concurrency = 10): Promise<ConnectResult[]> {
  const connector = made.lab.server().child('children/connector');
  const results = await connector.ask<ConnectResult[]>('run', {
    targets: [{ address, port }],
    count: 20,
    concurrency,
    bytes: 50_000,
    timeoutMs: 4000,
  });
  await connector.stop();
  return results;
}

test.each(FORWARDED.flatMap((port) => [['203.0.2.2', port] as const, ['fd03:2::2', port] as const]))(
  '%s port %i: replies leave by the provider that the request came by',
  async (address, port) => {
    const { lab } = made;
    await lab.wire.reset();
    const { races } = await made.status();
    connectMs(await fromOutside(address, port));
    const trace = (await lab.wire.trace()).filter(({ protocol }) => protocol === 'tcp');
    expect(new Set(trace.map(({ provider }) => provider))).toEqual(new Set(['b']));
    const out = trace.filter(({ direction }) => direction === 'out');
    expect(new Set(out.map(({ source, sourcePort }) => `${source} ${sourcePort}`))).toEqual(
      new Set([`${address} ${port}`]),
    );
    expect((await made.status()).races).toEqual(races);
  },
);

test.each(['203.0.2.2', 'fd03:2::2'])(
  'a service of the gateway itself at %s, among the ports that attempts use, is reached',
  async (address) => {
    const { lab } = made;
    const service = lab.gateway.child('children/echo');
    await service.ask('listen', { ports: [OWN_PORT] });
    await lab.wire.reset();
    connectMs(await fromOutside(address, OWN_PORT));
    const trace = (await lab.wire.trace()).filter(({ protocol }) => protocol === 'tcp');
    expect(new Set(trace.map(({ provider }) => provider))).toEqual(new Set(['b']));
    await service.stop();
    // Nobody listens any more: the usual refusal.
    expect((await fromOutside(address, OWN_PORT)).map(({ error }) => error)).toEqual(
      Array.from({ length: 20 }, () => 'ECONNREFUSED'),
    );
  },
);

test.each(['203.0.2.2', 'fd03:2::2'])(
  'an error of the gateway’s own about a connection to %s leaves by its provider',
  async (address) => {
    const { lab } = made;
    await lab.gateway.must(['ip', 'link', 'set', 'lan0', 'mtu', '1400']);
    try {
      await lab.wire.reset();
      // One after the other: Linux tells a host of six such errors, then of one a second (icmp_ratelimit), and who is not told waits for seconds.
      connectMs(await fromOutside(address, FORWARDED[0]!, 1));
      const errors = await lab.wire.trace({ direction: 'out', kind: 'icmp-error' });
      expect(errors.map(({ provider, source, icmp }) => `${provider} ${source} ${icmp?.mtu}`)).toContain(
        `b ${address} 1400`,
      );
      expect(errors.filter(({ provider }) => provider !== 'b')).toEqual([]);
      expect((await made.status()).alarms).toEqual([]);
    } finally {
      await lab.gateway.must(['ip', 'link', 'set', 'lan0', 'mtu', '1500']);
    }
  },
);

test('beside them connections to the outside are raced', async () => {
  await made.lab.wire.reset();
  connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port: 7 }], bytes: 100 }));
  expect((await made.lab.wire.trace({ kind: 'syn', direction: 'out' })).length).toBe(3);
});
