/** Malformed, truncated, fragmented and absurd packets from both sides: never copied, counted, and the daemon lives. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { setTransportChecksum } from '../../lab/emulator/checksum.js';
import { Packet } from '../../lab/emulator/packet.js';
import { ACK, FAST_OPEN, FIN, fragments, MSS_1460, mangled, RST, SYN, tcp } from '../../lab/packets.js';
import { macOf, providersNamespace, Tap } from '../../lab/tap.js';
import { connectMs, eventually, GatewayLab, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
/** A dark address: a right packet to it, behind the wrong ones, shows that they were looked at. */
const BEHIND = '198.51.100.9';
const ROUTES = ['a', 'b', 'c'];
/** From where hand-made packets come: no program of the client uses these ports. */
let nextPort = 20_000;

let made: GatewayLab;
let lan: Tap;
let wan: Tap;

beforeAll(async () => {
  made = await GatewayLab.start({
    providers: ROUTES.map((name, index) => ({ name, link: { delayMs: 10 + 5 * index } })),
  });
  await made.lab.server().echo({ ports: [PORT] });
  lan = new Tap(made.lab.client(), 'eth0', { to: await macOf(made.lab.gateway, 'lan0') });
  wan = new Tap(providersNamespace(made.lab.gateway), 'p1', { to: '02:00:00:00:01:01' });
});

afterAll(async () => {
  lan?.close();
  wan?.close();
  await made?.stop();
});

beforeEach(async () => {
  await made.lab.wire.reset();
  lan.received.length = 0;
});

afterEach(async () => {
  // Whatever it was: the same daemon goes on racing.
  expect(made.daemon.child.exitCode).toBeNull();
  expect(made.daemon.stderr()).not.toContain('race-thread-ended');
  await made.lab.wire.reset();
  connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], bytes: 10 }));
  expect((await made.lab.wire.trace({ kind: 'syn' })).length).toBe(3);
});

function syn(
  address = NEAR,
  more: { options?: readonly number[]; payload?: Uint8Array; ttl?: number } = {},
): Buffer {
  const { ipv4, ipv6 } = made.lab.client();
  return tcp({
    source: address.includes(':') ? ipv6 : ipv4,
    destination: address,
    sourcePort: nextPort++,
    destinationPort: PORT,
    flags: SYN,
    options: MSS_1460,
    ...more,
  });
}

async function dropped(): Promise<Record<string, number>> {
  return { ...(await made.status()).packets.dropped };
}

/** TCP packets that left by any provider, but for resets of earlier tests' races and the packet that follows behind. */
async function copies(): Promise<number> {
  const out = await made.lab.wire.trace({ direction: 'out' });
  return out.filter(
    ({ protocol, kind, destination }) => protocol === 'tcp' && kind !== 'rst' && destination !== BEHIND,
  ).length;
}

describe('from the LAN', () => {
  // [what, the packet, the reason that is counted; undefined where the kernel drops it before us]
  const CASES: readonly (readonly [string, () => Buffer, string | undefined])[] = [
    [
      'wrong TCP checksum',
      () => mangled(syn(), (b) => b.writeUInt16BE(b.readUInt16BE(36) ^ 1, 36)),
      undefined,
    ],
    [
      'wrong TCP checksum, IPv6',
      () => mangled(syn(NEAR6), (b) => b.writeUInt16BE(b.readUInt16BE(56) ^ 1, 56)),
      undefined,
    ],
    ['IP length beyond the packet', () => mangled(syn(), (b) => b.writeUInt16BE(400, 2), true), undefined],
    [
      'data offset beyond the packet',
      () => sealedTcp(mangled(syn(), (b) => b.writeUInt8(0xf0, 32))),
      undefined,
    ],
    ['data offset below 5', () => sealedTcp(mangled(syn(), (b) => b.writeUInt8(0x40, 32))), undefined],
    ['SYN and FIN', () => mangled(syn(), (b) => b.writeUInt8(SYN | FIN, 33), true), undefined],
    ['SYN and RST', () => mangled(syn(), (b) => b.writeUInt8(SYN | RST, 33), true), undefined],
    ['all flags', () => mangled(syn(), (b) => b.writeUInt8(0xff, 33), true), undefined],
    ['no flags', () => mangled(syn(), (b) => b.writeUInt8(0, 33), true), undefined],
    [
      'an option longer than the header',
      () => mangled(syn(), (b) => b.writeUInt8(40, 41), true),
      'tcp-options',
    ],
    ['an option of length 0', () => mangled(syn(), (b) => b.writeUInt8(0, 41), true), 'tcp-options'],
    ['an MSS option of length 3', () => mangled(syn(), (b) => b.writeUInt8(3, 41), true), 'tcp-options'],
    ['source port 0', () => mangled(syn(), (b) => b.writeUInt16BE(0, 20), true), 'tcp-port-zero'],
    ['truncated TCP header', () => truncated(syn(), 32), undefined],
    ['truncated IP header', () => syn().subarray(0, 16), undefined],
    ['truncated IPv6', () => syn(NEAR6).subarray(0, 50), undefined],
  ];

  test.each(CASES)('%s', async (_, packet, reason) => {
    const before = await dropped();
    for (let n = 0; n < 5; n++) lan.send(packet());
    lan.send(syn(BEHIND));
    const behind = () => made.lab.wire.trace({ kind: 'syn', address: BEHIND });
    expect((await eventually(behind, (seen) => seen.length >= 3, 1000)).length).toBe(3);
    expect(await copies()).toBe(0);
    if (reason === undefined) return;
    const after = await dropped();
    expect((after[reason] ?? 0) - (before[reason] ?? 0)).toBe(5);
  });

  test('destination port 0 is named by no service: once by the rest route', async () => {
    lan.send(mangled(syn(), (bytes) => bytes.writeUInt16BE(0, 22), true));
    const left = () => made.lab.wire.trace({ direction: 'out', address: NEAR });
    const out = await eventually(left, (seen) => seen.length > 0, 1000);
    expect(out.map(({ provider, kind }) => `${kind} ${provider}`)).toEqual(['syn a']);
  });

  test('a SYN in fragments is put together by the kernel, and then raced whole or not at all', async () => {
    const whole = syn(NEAR, { payload: new Uint8Array(120) });
    const parts = fragments(whole, 24, 77);
    for (const part of parts.slice(0, 2)) lan.send(part);
    await sleep(300);
    expect(await copies()).toBe(0);
    for (const part of parts.slice(2)) lan.send(part);
    await eventually(copies, (count) => count > 0, 1000);
    const out = await made.lab.wire.trace({ direction: 'out', kind: ['syn', 'data', 'other'] });
    for (const { fate, kind, length } of out)
      expect({ fate, kind, length }).toMatchObject({ kind: 'syn', length: 0 });
  });

  test('a SYN with TFO cookie and data: the copies have neither', async () => {
    for (const address of [NEAR, NEAR6]) {
      lan.send(syn(address, { options: [...MSS_1460, ...FAST_OPEN], payload: new Uint8Array(200).fill(65) }));
    }
    const seen = await eventually(
      () => made.lab.wire.trace({ kind: ['syn', 'data'], direction: 'out' }),
      (packets) => packets.length >= 6,
      1000,
    );
    expect(seen.length).toBe(6);
    for (const { options, length, mss } of seen) {
      expect(options).not.toContain(34);
      expect(length).toBe(0);
      expect(mss).toBeGreaterThan(1400);
    }
    // No program is behind it: the client's kernel resets what it did not ask for.
    expect(await halfOpen(made.lab)).toBe(0);
  });

  test('a hop limit that ends at the gateway is answered by the gateway and goes no further', async () => {
    for (const address of [NEAR, NEAR6]) lan.send(syn(address, { ttl: 1 }));
    const expired = () => Promise.resolve(lan.received.filter(({ kind }) => kind === 'icmp-error'));
    const errors = await eventually(expired, (seen) => seen.length >= 2, 1000);
    expect(errors.map(({ icmp }) => `${icmp?.type}/${icmp?.code}`).sort()).toEqual(['11/0', '3/0']);
    expect(await copies()).toBe(0);
  });
});

describe('from a provider', () => {
  const isn = 7_000_000;

  /** A race that waits: its server answers by no route. Gives the port of its copies. */
  async function openRace(): Promise<number> {
    const { lab } = made;
    await Promise.all(ROUTES.map((name) => lab.link(name).set({ blackhole: true })));
    const port = nextPort++;
    lan.send(
      tcp({
        source: lab.client().ipv4,
        destination: NEAR,
        sourcePort: port,
        destinationPort: PORT,
        flags: SYN,
        seq: isn,
        options: MSS_1460,
      }),
    );
    const copy = () => lab.wire.trace({ kind: 'syn', provider: 'a' });
    const [seen] = await eventually(copy, (found) => found.length > 0, 1000);
    lan.received.length = 0;
    return seen?.sourcePort ?? 0;
  }

  afterEach(async () => {
    await Promise.all(ROUTES.map((name) => made.lab.link(name).set({ blackhole: false })));
  });

  function answer(port: number, more: Partial<Parameters<typeof tcp>[0]> = {}): Buffer {
    return tcp({
      source: NEAR,
      destination: '203.0.1.2',
      sourcePort: PORT,
      destinationPort: port,
      flags: SYN | ACK,
      seq: 99,
      ack: isn + 1,
      options: MSS_1460,
      ...more,
    });
  }

  test('broken, absurd and forged SYN+ACKs reach no client; the right one does', async () => {
    const port = await openRace();
    const right = answer(port);
    const wrong = [
      mangled(right, (b) => b.writeUInt16BE(b.readUInt16BE(36) ^ 1, 36)),
      mangled(right, (b) => b.writeUInt8(40, 41), true),
      mangled(right, (b) => b.writeUInt8(0, 41), true),
      mangled(right, (b) => b.writeUInt8(0xff, 33), true),
      mangled(right, (b) => b.writeUInt8(SYN | ACK | FIN, 33), true),
      truncated(right, 30),
      right.subarray(0, 18),
      answer(port, { ack: isn + 500 }),
      answer(port, { sourcePort: PORT + 1 }),
      answer(port, { source: '198.51.100.200' }),
      answer(port, { flags: RST }),
      answer(port, { flags: RST | ACK, ack: isn + 77 }),
      answer(port + 1),
      answer(40_000),
    ];
    for (const packet of wrong) for (let n = 0; n < 3; n++) wan.send(packet);
    await sleep(300);
    expect(lan.received.filter(({ source }) => source !== made.lab.client().ipv4)).toEqual([]);
    wan.send(right);
    const atClient = async () => lan.received.filter(({ kind }) => kind === 'synack');
    const seen = await eventually(atClient, (packets) => packets.length > 0, 1000);
    expect(seen.map(({ source, seq }) => ({ source, seq }))).toEqual([{ source: NEAR, seq: 99 }]);
    const { packets, races } = await made.status();
    expect(packets.ignored['syn-ack-wrong-ack']).toBeGreaterThanOrEqual(1);
    expect(packets.ignored['rst-not-acceptable']).toBeGreaterThanOrEqual(1);
    expect(races.decided).toBeGreaterThan(0);
  });

  test('an answer that comes in by another provider than it was asked is not believed', async () => {
    const port = await openRace();
    wan.send(answer(port, { destination: '203.0.2.2' }));
    await sleep(300);
    expect(lan.received.filter(({ kind }) => kind === 'synack')).toEqual([]);
  });

  test('packets for nobody, from inside addresses, and to the LAN directly stop at the gateway', async () => {
    const client = made.lab.client().ipv4;
    wan.send(answer(12_345, { flags: ACK }));
    wan.send(answer(12_345, { destination: client, flags: SYN }));
    wan.send(answer(12_345, { destination: client, flags: SYN, source: '10.0.0.99' }));
    wan.send(answer(12_345, { destination: client, flags: SYN | ACK }));
    await sleep(300);
    expect(lan.received.filter(({ flags, destination }) => flags !== 'S' && destination === client)).toEqual(
      [],
    );
    expect((await dropped())['spoofed-source']).toBeGreaterThanOrEqual(1);
  });

  test('whoever claims one of the gateway’s own addresses is heard from neither side', async () => {
    const before = (await dropped())['spoofed-source'] ?? 0;
    const seen = made.lab.gateway.spawn(['timeout', '3', 'nc', '-l', '203.0.1.2', '12345']);
    await sleep(200);
    const forged = [
      () => wan.send(answer(12_345, { flags: SYN, source: '203.0.1.2' })),
      () => wan.send(answer(12_345, { flags: SYN, source: '10.0.0.1' })),
      () => wan.send(answer(12_345, { flags: ACK, source: '203.0.2.2' })),
      () => lan.send(answer(12_345, { flags: SYN, source: '10.0.0.1' })),
      () => lan.send(answer(12_345, { flags: SYN, source: '203.0.1.2', destination: NEAR })),
    ];
    for (const send of forged) send();
    const count = async () => ((await dropped())['spoofed-source'] ?? 0) - before;
    expect(await eventually(count, (drops) => drops >= forged.length, 2000)).toBe(forged.length);
    const out = await made.lab.wire.trace({ direction: 'out', port: 12_345 });
    expect(out.filter(({ kind }) => kind !== 'synack')).toEqual([]);
    expect(await made.lab.gateway.must(['ss', '-Htn', 'sport', '=', ':12345'])).toBe('');
    await seen.stop();
  });
});

/** Cut off, with the IP length put right. */
function truncated(packet: Buffer, length: number): Buffer {
  return mangled(packet.subarray(0, length), (bytes) => bytes.writeUInt16BE(length, 2), true);
}

/** The TCP checksum over a header whose length is wrong: the codec would refuse it. */
function sealedTcp(bytes: Buffer): Buffer {
  const offset = bytes.readUInt8(32);
  const packet = new Packet();
  bytes.writeUInt8(0x50, 32);
  packet.read(bytes, 0, bytes.length);
  bytes.writeUInt8(offset, 32);
  setTransportChecksum(packet);
  return bytes;
}
