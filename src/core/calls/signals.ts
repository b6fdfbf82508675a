/** Flows of signalling, and what reads each: packets in, in whatever order they come. */
import { type AddressWords, type Family, formatAddress } from '../../model/address.js';
import { FLAG, type Packet, PROTOCOL } from '../../wire/packet.js';
import type { Micros } from '../engine-types.js';
import { H245Reader } from './h245-reader.js';
import { H323Reader } from './h323-reader.js';
import { RasReader } from './ras-reader.js';
import type { Reading, Signal, SignalFlow, SignalKind, SignalReader, SignalSink } from './reader.js';
import { RtspReader } from './rtsp-reader.js';
import { SipReader } from './sip-reader.js';
import { SignalStream } from './stream.js';
import type { CallTable } from './table.js';

/** BOUNDED: the one that was used least recently gives way, and its streams' calls are taken for over. */
const MOST_FLOWS = 8192;
/** What is no message, in a row: then the flow is something else. */
const MOST_STRANGE = 8;

/** `read`: go on showing it. `done`: nothing more is wanted of this flow but its end. */
export type Wanted = 'read' | 'done';

interface Known {
  readonly flow: SignalFlow;
  readonly reader: SignalReader;
  /** Of a stream. */
  readonly client: SignalStream;
  readonly server: SignalStream;
  strange: number;
  isDone: boolean;
  /** When the packet in hand was seen. */
  now: Micros;
}

export class Signals {
  private readonly flows = new Map<string, Known>();

  constructor(
    private readonly calls: CallTable,
    private readonly sink: SignalSink,
    private readonly most = MOST_FLOWS,
  ) {}

  get size(): number {
    return this.flows.size;
  }

  /** The flow of the packet that is told of; valid while it is. */
  flow: SignalFlow | null = null;

  /** A packet of a flow to a server of `kind`, from its client or to it. */
  see(packet: Packet, kind: SignalKind, isFromClient: boolean, now: Micros): Wanted {
    const known = this.flowOf(packet, kind, isFromClient, now);
    this.flow = known.flow;
    known.now = now;
    if (!known.isDone && packet.protocol === PROTOCOL.TCP) readSegment(known, packet, isFromClient);
    else if (!known.isDone) readDatagram(known, packet, isFromClient);
    if (packet.protocol === PROTOCOL.TCP && (packet.flags & (FLAG.FIN | FLAG.RST)) !== 0)
      this.forget(keyOf(packet, isFromClient));
    return known.isDone ? 'done' : 'read';
  }

  private flowOf(packet: Packet, kind: SignalKind, isFromClient: boolean, now: Micros): Known {
    const key = keyOf(packet, isFromClient);
    const known = this.flows.get(key);
    if (known !== undefined) {
      this.flows.delete(key);
      // The same ends once more.
      if (isFirst(packet)) known.reader.close();
      else {
        this.flows.set(key, known);
        return known;
      }
    }
    const flow = flowOf(packet, isFromClient);
    const reader = this.readerOf(kind, flow, key);
    if (this.flows.size >= this.most) {
      for (const oldest of this.flows.keys()) {
        this.forget(oldest);
        break;
      }
    }
    const made = createKnown(flow, reader, now);
    this.flows.set(key, made);
    return made;
  }

  private readerOf(kind: SignalKind, flow: SignalFlow, key: string): SignalReader {
    const { calls, sink } = this;
    switch (kind) {
      case 'sip':
        return new SipReader(flow, calls, sink, formatAddress(flow.client.address));
      case 'rtsp':
        return new RtspReader(flow, calls, sink, key);
      case 'h323':
        return flow.protocol === PROTOCOL.TCP
          ? new H323Reader(flow, calls, sink, key)
          : new RasReader(flow, sink);
      case 'h245':
        return new H245Reader(flow, sink);
    }
  }

  private forget(key: string): void {
    this.flows.get(key)?.reader.close();
    this.flows.delete(key);
  }
}

function isFirst({ protocol, flags }: Packet): boolean {
  return protocol === PROTOCOL.TCP && (flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN;
}

function createKnown(flow: SignalFlow, reader: SignalReader, now: Micros): Known {
  const stream = (isFromClient: boolean): SignalStream =>
    new SignalStream(
      (space, start, end) => reader.frame(space, start, end),
      ({ bytes, view }, start, end) =>
        tell(known, { bytes, view, start, end, isFromClient, now: known.now }) !== 'none',
    );
  const known: Known = {
    flow,
    reader,
    client: stream(true),
    server: stream(false),
    strange: 0,
    isDone: false,
    now,
  };
  return known;
}

function readDatagram(
  known: Known,
  { bytes, view, payload, payloadEnd }: Packet,
  isFromClient: boolean,
): void {
  if (payloadEnd <= payload) return;
  const signal = { bytes, view, start: payload, end: payloadEnd, isFromClient, now: known.now };
  known.strange = tell(known, signal) === 'none' ? known.strange + 1 : 0;
  if (known.strange >= MOST_STRANGE) known.isDone = true;
}

function readSegment(known: Known, packet: Packet, isFromClient: boolean): void {
  const stream = isFromClient ? known.client : known.server;
  const { sequence, flags, payload: start, payloadEnd: end } = packet;
  if ((flags & FLAG.SYN) !== 0) return stream.begin((sequence + 1) | 0);
  stream.push({ sequence, space: packet, start, end });
  // A browser can be made to send anything to any port, behind its own first words.
  if (stream.strange >= (stream.hasGap ? MOST_STRANGE : 1)) known.isDone = true;
}

function tell(known: Known, signal: Signal): Reading {
  const reading = known.reader.read(signal);
  if (reading === 'done') known.isDone = true;
  return reading;
}

/** The values of a packet are reused: these are the flow's own. */
function flowOf(packet: Packet, isFromClient: boolean): SignalFlow {
  const source = { address: packet.source.slice(), port: packet.sourcePort };
  const destination = { address: packet.destination.slice(), port: packet.destinationPort };
  const [client, server] = isFromClient ? [source, destination] : [destination, source];
  return { protocol: packet.protocol, family: packet.family as Family, client, server };
}

function keyOf(packet: Packet, isFromClient: boolean): string {
  const source = textOf(packet.source, packet.sourcePort);
  const destination = textOf(packet.destination, packet.destinationPort);
  const ends = isFromClient ? `${source} ${destination}` : `${destination} ${source}`;
  return `${packet.protocol} ${ends}`;
}

function textOf(words: AddressWords, port: number): string {
  return `${words[0]},${words[1]},${words[2]},${words[3]},${port}`;
}
