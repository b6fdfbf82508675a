/** Streams of RTSP: sessions from SETUP to TEARDOWN, and where their packets go (RFC 2326, 7826; rules R1, R2 of the field). */
import { type AddressWords, parseAddress } from '../../model/address.js';
import { PROTOCOL } from '../../wire/packet.js';
import { createRtspMessage, decodeRtsp, frameRtsp, isInterleaved } from '../../wire/rtsp.js';
import type { RtspPair, RtspTransport } from '../../wire/rtsp-transport.js';
import type { ViewedBytes } from '../../wire/viewed-bytes.js';
import { expectPair } from './media.js';
import type { Reading, Signal, SignalFlow, SignalReader, SignalSink } from './reader.js';
import { isOfServer } from './scope.js';
import type { Call, CallTable } from './table.js';

/** Requests without an answer, and sessions of one connection, that are kept. */
const MOST_ASKED = 32;
const MOST_SESSIONS = 64;

interface Asked {
  readonly method: string;
  readonly transports: readonly RtspTransport[];
}

/** A session, and its packets' ends as far as they are told. */
interface Session {
  readonly call: Call;
  // BOUNDED: MOST_SESSIONS; streams beyond are not expected again.
  readonly streams: RtspTransport[];
}

export class RtspReader implements SignalReader {
  readonly kind = 'rtsp';
  private readonly message = createRtspMessage();
  // BOUNDED: MOST_ASKED, the oldest gives way.
  private readonly asked = new Map<number, Asked>();
  // BOUNDED: MOST_SESSIONS, further ones are not counted.
  private readonly sessions = new Map<string, Session>();

  /** `name`: of the connection, among all. */
  constructor(
    private readonly flow: SignalFlow,
    private readonly calls: CallTable,
    private readonly sink: SignalSink,
    private readonly name: string,
  ) {}

  frame(space: ViewedBytes, start: number, end: number): number {
    return frameRtsp(space, start, end);
  }

  read(signal: Signal): Reading {
    const { message } = this;
    // Media among the messages: the connection carries them itself.
    if (isInterleaved(signal, signal.start, signal.end)) return 'done';
    if (!decodeRtsp(message, signal, signal.start, signal.end)) {
      const isBlank = signal.bytes[signal.start] === 13 || signal.bytes[signal.start] === 10;
      return isBlank ? 'message' : 'none';
    }
    if (message.method !== '') this.readRequest(signal);
    else if (!signal.isFromClient) return this.readAnswer(signal);
    return 'message';
  }

  close(): void {
    for (const { call } of this.sessions.values()) this.calls.end(call);
    this.sessions.clear();
    this.asked.clear();
  }

  private readRequest({ isFromClient, now }: Signal): void {
    const { method, cseq, session, transports } = this.message;
    const known = this.sessions.get(session);
    if (known !== undefined) this.calls.find('rtsp', known.call.key, now);
    if (!isFromClient || cseq < 0) return;
    if (this.asked.size >= MOST_ASKED) {
      for (const oldest of this.asked.keys()) {
        this.asked.delete(oldest);
        break;
      }
    }
    this.asked.set(cseq, { method, transports });
    if (method !== 'TEARDOWN' || known === undefined) return;
    this.calls.end(known.call);
    this.sessions.delete(session);
  }

  private readAnswer({ now }: Signal): Reading {
    const { status, cseq, session, transports } = this.message;
    const asked = this.asked.get(cseq);
    this.asked.delete(cseq);
    if (asked === undefined || status < 200 || status > 299) return 'message';
    // Its entries may have gone while nothing was played.
    if (asked.method === 'PLAY')
      for (const stream of this.sessions.get(session)?.streams ?? []) this.expect(stream);
    if (asked.method !== 'SETUP' || session === '') return 'message';
    const found = this.begin(session, now);
    const chosen = transports[0];
    if (found === null || chosen === undefined || chosen.isMulticast) return 'message';
    if (chosen.protocol === 'TCP' && chosen.serverPorts === null) return 'done';
    if (found.streams.length < MOST_SESSIONS) found.streams.push(chosen);
    this.expect(chosen);
    return 'message';
  }

  private begin(session: string, now: number): Session | null {
    const known = this.sessions.get(session);
    if (known !== undefined || this.sessions.size >= MOST_SESSIONS) return known ?? null;
    const call = this.calls.begin('rtsp', `${this.name} ${session}`, now);
    call.isAnswered = true;
    this.calls.carry(call, this.sink.carried()?.route ?? 0);
    const made = { call, streams: [] };
    this.sessions.set(session, made);
    return made;
  }

  /** > destination: … the address to which a stream will be sent: the client's own, whatever is written there. */
  private expect({ protocol, clientPorts, serverPorts, source, isMuxed }: RtspTransport): void {
    const { flow, sink } = this;
    if (serverPorts === null) return;
    const named = parseAddress(source);
    const from = named !== null && isOfServer(flow, named) ? named : flow.server.address;
    if (protocol === 'TCP') return this.expectConnection(from, serverPorts);
    if (clientPorts === null) return;
    const { address } = flow.client;
    expectPair(flow, sink, [address, clientPorts.first], [from, serverPorts.first]);
    if (isMuxed || clientPorts.second === clientPorts.first) return;
    expectPair(flow, sink, [address, clientPorts.second], [from, serverPorts.second]);
  }

  private expectConnection(address: AddressWords, ports: RtspPair): void {
    const client = { address: this.flow.client.address, port: 0 };
    for (const port of new Set([ports.first, ports.second]))
      this.sink.expect({ protocol: PROTOCOL.TCP, client, server: { address, port } });
  }
}
