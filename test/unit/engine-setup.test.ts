import { describe, expect, it } from 'vitest';
import { readPacket, SYN_OPTIONS } from '../../src/sim/packets.js';
import { FLAG } from '../../src/wire/packet.js';
import { OPTION } from '../../src/wire/tcp-options.js';
import { CLIENT, Harness, ISN, routes, SERVER, words } from '../sim/engine-harness.js';

describe('set-ups that are not copied', () => {
  it.each([
    ['MP_JOIN', { options: [30, 12, 0x10, 1, 1, 2, 3, 4, 5, 6, 7, 8] }, 'mptcp-join'],
    ['TCP MD5', { options: [19, 18, ...new Array<number>(16).fill(1)] }, 'tcp-authentication'],
    ['TCP-AO', { options: [29, 16, 1, 1, ...new Array<number>(12).fill(1)] }, 'tcp-authentication'],
    ['a time to live of 1', { ttl: 1 }, 'ttl-expires-here'],
    ['IP options', { ipOptions: 8 }, 'ip-options'],
    [
      'a link-local destination',
      { destination: { address: words('169.254.1.1'), port: 80 } },
      'destination-scope',
    ],
    ['an ACK', { flags: FLAG.ACK }, 'not-a-set-up'],
    ['a SYN+ACK', { flags: FLAG.SYN | FLAG.ACK }, 'not-a-set-up'],
    ['a RST', { flags: FLAG.RST }, 'not-a-set-up'],
  ] as const)('%s goes by the rest route', (_, fields, reason) => {
    const h = new Harness();
    h.setup(fields);
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason }]);
    expect(h.single(reason)).toBe(1);
    expect(h.engine.races.active).toBe(0);
  });

  it('an IPv6 link-local destination', () => {
    const h = new Harness();
    h.setup({
      client: { address: words('fd00::2'), port: 1 },
      destination: { address: words('fe80::1'), port: 80 },
    });
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'destination-scope' }]);
  });

  it('with one usable route: by that one', () => {
    const h = new Harness(
      3,
      {},
      routes(3, ({ number }) => ({ usable: { 4: number === 2, 6: true } })),
    );
    h.setup();
    expect(h.last).toEqual([{ kind: 'release', route: 2, reason: 'only-route' }]);
  });

  it('with none: by the rest route', () => {
    const h = new Harness(
      3,
      {},
      routes(3, () => ({ usable: { 4: false, 6: true } })),
    );
    h.setup();
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'no-route' }]);
  });
});

describe('copies', () => {
  it('carry neither a Fast Open cookie nor data; the acknowledged sequence is that of the SYN alone', () => {
    const h = new Harness();
    const options = [2, 4, 5, 180, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1];
    const [{ race }] = h.setup({ options, data: 100 });
    const packet = readPacket(h.copy(race!, 2))!;
    expect(packet.options & OPTION.FAST_OPEN).toBe(0);
    expect(packet.end).toBe(packet.payload);
    expect(packet.sequence).toBe(ISN);
    h.answer(2);
    expect(h.words).toEqual(['commit 2']);
  });

  it('of an MP_CAPABLE SYN keep the option', () => {
    const h = new Harness();
    const [{ race }] = h.setup({ options: [30, 4, 0x01, 0x81] });
    expect(readPacket(h.copy(race!, 1))!.options & OPTION.MPTCP).toBe(OPTION.MPTCP);
  });

  it('have the MSS of their route, one hop less to live, and an intact checksum', () => {
    const h = new Harness(
      2,
      {},
      routes(2, ({ number }) => ({ mtu: number === 1 ? { 4: 1400, 6: 1400 } : { 4: 9000, 6: 9000 } })),
    );
    const [{ race }] = h.setup({ options: SYN_OPTIONS });
    const mss = [1, 2].map((route) => {
      const packet = readPacket(h.copy(race!, route))!;
      expect(packet.ttl).toBe(63);
      return packet.view.getUint16(packet.mssAt);
    });
    expect(mss).toEqual([1360, 1460]);
  });

  it('of the longest set-up fit', () => {
    const h = new Harness();
    const client = { address: words('fd00::2'), port: 5000 };
    const destination = { address: words('2001:db8:100::1'), port: 443 };
    const [{ race }] = h.setup({ client, destination, options: new Array<number>(40).fill(1) });
    expect(h.engine.shard.setups.of(race!).length).toBe(100);
    const { length } = h.copy(race!, 1);
    expect(length).toBe(100);
  });

  it('are sent once over each usable route', () => {
    const h = new Harness(
      4,
      {},
      routes(4, ({ number }) => ({ usable: { 4: number !== 3, 6: true } })),
    );
    h.setup();
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 4', 'drop']);
  });
});

describe('routes that change during a race', () => {
  it('one that becomes unusable gets no repeats, but its answer still wins', () => {
    const h = new Harness(3);
    h.setup();
    h.setRoutes(routes(3, ({ number }) => ({ usable: { 4: number !== 2, 6: true } })));
    h.pass(1000);
    h.setup();
    expect(h.words).toEqual(['attempt 1', 'attempt 3', 'drop']);
    h.answer(2);
    expect(h.words).toEqual(['commit 2']);
  });

  it('one that becomes usable takes part from the next repeat on', () => {
    const h = new Harness(
      3,
      {},
      routes(3, ({ number }) => ({ usable: { 4: number !== 2, 6: true } })),
    );
    h.setup();
    h.setRoutes(routes(3));
    h.pass(1000);
    h.setup();
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
  });

  it('one that has a new address repeats from the new one', () => {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    const address = words('203.0.2.77');
    h.setRoutes(
      routes(2, (route) => (route.number === 2 ? { addresses: { ...route.addresses, 4: address } } : {})),
    );
    h.pass(1000);
    h.setup();
    expect(readPacket(h.copy(race!, 2))!.source).toEqual(address);
    h.answer(2, { to: { address, port: CLIENT.port } });
    expect(h.words).toEqual(['commit 2']);
  });

  it('all gone: a repeat goes by the rest route instead of nowhere', () => {
    const h = new Harness(2);
    h.setup();
    h.setRoutes(routes(2, () => ({ usable: { 4: false, 6: false } })));
    h.pass(1000);
    h.setup();
    expect(h.last).toContainEqual({ kind: 'release', route: 0, reason: 'no-route' });
  });

  it('an answer by an interface that was made anew finds its race', () => {
    const h = new Harness(2);
    h.setup();
    h.setRoutes(routes(2, ({ number }) => ({ interfaceIndex: number === 2 ? 15 : 11 })));
    h.answer(5, { to: { address: words('203.0.2.2'), port: CLIENT.port }, from: SERVER });
    expect(h.words).toEqual(['commit 2']);
  });
});

describe('a port that a living flow owns on a route', () => {
  it('is left with the first repeat that nobody has answered, and given to nobody else', () => {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    const port = h.engine.races.natPort[race!];
    h.taken.add(1);
    h.pass(1000);
    h.setup();
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
    const moved = h.engine.races.natPort[race!];
    expect(moved).not.toBe(port);
    h.answer(2, { to: { address: words('203.0.2.2'), port: moved } });
    expect(h.words).toEqual(['commit 2']);
  });

  it('is left also beside a route without an address, which takes no part, whatever its slot was used for before', () => {
    const h = new Harness(3);
    h.setup();
    h.pass(60_000);
    h.setRoutes(
      routes(3, (route) =>
        route.number === 2 ? { addresses: { ...route.addresses, 4: new Int32Array(0) } } : {},
      ),
    );
    const [{ race }] = h.setup();
    expect(h.words).toEqual(['attempt 1', 'attempt 3', 'drop']);
    const port = h.engine.races.natPort[race!];
    h.taken.add(1);
    h.pass(1000);
    h.setup();
    expect(h.engine.races.natPort[race!]).not.toBe(port);
  });

  it('is kept when a route has answered, or none is taken', () => {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    const port = h.engine.races.natPort[race!];
    h.pass(1000);
    h.setup();
    h.taken.add(2);
    h.icmp(1, 3, 1);
    h.pass(1000);
    h.setup();
    expect(h.engine.races.natPort[race!]).toBe(port);
  });

  it('is not picked when the flow was there before the engine', () => {
    const h = new Harness(2);
    const other = words('10.0.0.99');
    h.engine.adopt(
      {
        client: other,
        clientPort: CLIENT.port,
        destination: SERVER.address,
        destinationPort: SERVER.port,
        port: CLIENT.port,
      },
      h.now,
    );
    const [{ race }] = h.setup();
    expect(h.engine.races.natPort[race!]).not.toBe(CLIENT.port);
  });
});
