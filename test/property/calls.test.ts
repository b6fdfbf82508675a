/** Signalling of any kind, cut, repeated, mixed up and mutated: nothing throws, tables stay bounded, and nobody is let in whom nobody may let in. */
import { describe, expect, it } from 'vitest';
import { SIGNALLING } from '../../bench/signalling/table.js';
import type { CarriedFlow, Expected, SignalKind, SignalSink } from '../../src/core/calls/reader.js';
import { Signals } from '../../src/core/calls/signals.js';
import { CallTable } from '../../src/core/calls/table.js';
import { familyOf, parseAddress, sameAddress } from '../../src/model/address.js';
import { random } from '../../src/sim/random.js';
import { createPacket, PROTOCOL } from '../../src/wire/packet.js';

const CLIENT = parseAddress('192.168.1.10')!;
const SERVER = parseAddress('198.51.100.1')!;
const OUTSIDE = parseAddress('203.0.113.2')!;
const FLOWS = 16;
const CALLS = 64;
const STEPS = 3000;

const KINDS: readonly (readonly [SignalKind, number, readonly string[]])[] = [
  ['sip', PROTOCOL.UDP, ['sip', 'sdp']],
  ['sip', PROTOCOL.TCP, ['sip', 'sdp']],
  ['rtsp', PROTOCOL.TCP, ['rtsp']],
  ['h323', PROTOCOL.TCP, ['h225', 'h245']],
  ['h323', PROTOCOL.UDP, ['h225-ras']],
  ['h245', PROTOCOL.TCP, ['h245', 'h225']],
];

class Guard implements SignalSink {
  expected = 0;
  broken = 0;
  private onRoutes = 0;
  readonly calls = new CallTable((_, route, change) => {
    this.onRoutes += change;
    this.must(route > 0 && this.onRoutes >= 0);
  }, CALLS);
  readonly signals = new Signals(this.calls, this, FLOWS);

  constructor(private readonly luck: () => number) {}

  must(holds: boolean): void {
    if (!holds) this.broken++;
  }

  carried(): CarriedFlow | null {
    return this.luck() < 0.2 ? null : { route: 1 + Math.floor(this.luck() * 3), source: OUTSIDE };
  }

  expect({ protocol, client, server }: Expected): void {
    this.expected++;
    this.must(protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP);
    this.must(sameAddress(client.address, 0, CLIENT, 0) && familyOf(server.address) === 4);
    // The server is a host of the Internet: who is named by it is one, too.
    const first = server.address[3] >>> 24;
    this.must(![0, 10, 127].includes(first) && first < 224 && server.address[3] >>> 16 !== 0xc0a8);
    this.must([client, server].every(({ port }) => port >= 0 && port <= 0xffff));
    // Who connects takes any port; of datagrams the server's is known.
    this.must(protocol === PROTOCOL.TCP ? client.port + server.port > 0 : server.port > 0);
  }

  keep(seconds: number): void {
    this.must(seconds >= 0 && seconds <= 86_400);
  }
}

describe.each(KINDS)('%s over protocol %i', (kind, protocol, names) => {
  const corpus = SIGNALLING.filter(({ name }) => names.includes(name)).flatMap((one) => one.corpus);

  it.each([1, 2, 3])('seed %i', (seed) => {
    const luck = random(seed);
    const below = (limit: number): number => Math.floor(luck() * limit);
    const guard = new Guard(luck);
    const sequences = new Map<string, number>();
    for (let step = 0; step < STEPS; step++) {
      const bytes = Uint8Array.from(corpus[below(corpus.length)]);
      for (let n = below(4); n > 0 && luck() < 0.6; n--) bytes[below(bytes.length)] = below(256);
      const port = 40_000 + below(2 * FLOWS);
      const isFromClient = luck() < 0.5;
      const from = luck() < 0.8 ? 0 : below(bytes.length);
      const payload = bytes.subarray(from, luck() < 0.8 ? bytes.length : from + below(bytes.length - from));
      const packet = createPacket();
      packet.bytes = Uint8Array.from(payload);
      packet.view = new DataView(packet.bytes.buffer);
      packet.payloadEnd = packet.end = payload.length;
      packet.protocol = protocol;
      packet.flags = luck() < 0.05 ? below(64) : 16;
      const key = `${port} ${isFromClient}`;
      const next = sequences.get(key) ?? below(0xffff_ffff) | 0;
      packet.sequence = luck() < 0.9 ? next : (next + below(200) - 100) | 0;
      sequences.set(key, (next + payload.length) | 0);
      packet.source.set(isFromClient ? CLIENT : SERVER);
      packet.destination.set(isFromClient ? SERVER : CLIENT);
      packet.sourcePort = isFromClient ? port : 5060;
      packet.destinationPort = isFromClient ? 5060 : port;
      guard.signals.see(packet, kind, isFromClient, step * 1e5);
      if (luck() < 0.01) guard.calls.sweep(step * 1e5);
      guard.must(guard.signals.size <= FLOWS);
      for (const { started, ended, active } of Object.values(guard.calls.counts()))
        guard.must(started - ended === active && active <= CALLS);
    }
    expect(guard.broken).toBe(0);
  });
});
