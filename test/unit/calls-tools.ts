/** Signalling by hand, for the tests of calls. */
import type { CarriedFlow, Expected, SignalKind, SignalSink } from '../../src/core/calls/reader.js';
import { Signals } from '../../src/core/calls/signals.js';
import { CallTable } from '../../src/core/calls/table.js';
import { formatEndpoint, parseAddress } from '../../src/model/address.js';
import type { CallKind } from '../../src/model/calls.js';
import { createPacket, type Packet, PROTOCOL } from '../../src/wire/packet.js';

export const CLIENT = '192.168.1.10';
export const SERVER = '198.51.100.1';
export const OUTSIDE = '203.0.113.2';

/** What a test sees of calls; a packet at a time. */
export class Listener implements SignalSink {
  /** As `udp CLIENT SERVER`, `h245 ...` where that is read; ports of 0 are any. */
  readonly expected: string[] = [];
  readonly kept: number[] = [];
  readonly onRoutes: string[] = [];
  route = 1;
  now = 0;
  readonly calls: CallTable;
  readonly signals: Signals;
  private readonly sequences = new Map<string, number>();

  constructor(
    private readonly kind: SignalKind,
    private readonly protocol: number,
    private readonly port: number,
    private readonly ends: { readonly client?: string; readonly server?: string } = {},
  ) {
    this.calls = new CallTable((name: CallKind, route, change) =>
      this.onRoutes.push(`${name} ${route} ${change > 0 ? '+' : '-'}`),
    );
    this.signals = new Signals(this.calls, this);
  }

  carried(): CarriedFlow | null {
    return this.route === 0 ? null : { route: this.route, source: parseAddress(OUTSIDE)! };
  }

  expect({ protocol, client, server, reads }: Expected): void {
    const name = reads ?? (protocol === PROTOCOL.TCP ? 'tcp' : 'udp');
    const end = (one: Expected['client']): string => formatEndpoint(one.address, 0, one.port);
    this.expected.push(`${name} ${end(client)} ${end(server)}`);
  }

  keep(seconds: number): void {
    this.kept.push(seconds);
  }

  /** A message of one side; what is wanted of the flow from then on. */
  says(side: 'client' | 'server', message: string | Uint8Array, flags = 0): 'read' | 'done' {
    const bytes = typeof message === 'string' ? Buffer.from(message, 'latin1') : message;
    const sequence = this.sequences.get(side) ?? 1000;
    this.sequences.set(side, sequence + bytes.length);
    return this.segment(side, bytes, sequence, flags);
  }

  segment(side: 'client' | 'server', payload: Uint8Array, sequence: number, flags = 0): 'read' | 'done' {
    const isFromClient = side === 'client';
    const packet: Packet = createPacket();
    packet.bytes = Uint8Array.from(payload);
    packet.view = new DataView(packet.bytes.buffer);
    packet.payloadEnd = packet.end = payload.length;
    packet.protocol = this.protocol;
    packet.sequence = sequence;
    packet.flags = flags;
    const client = parseAddress(this.ends.client ?? CLIENT)!;
    const server = parseAddress(this.ends.server ?? SERVER)!;
    packet.source.set(isFromClient ? client : server);
    packet.destination.set(isFromClient ? server : client);
    packet.sourcePort = isFromClient ? 40_000 : this.port;
    packet.destinationPort = isFromClient ? this.port : 40_000;
    return this.signals.see(packet, this.kind, isFromClient, this.now);
  }

  count(kind: CallKind): [started: number, ended: number, active: number] {
    const { started, ended, active } = this.calls.counts()[kind];
    return [started, ended, active];
  }
}
