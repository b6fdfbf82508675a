/** What both sides of an H.323 call tell of their media, a session at a time (ITU-T H.245). */
import { sameAddress } from '../../model/address.js';
import type { H245Message } from '../../wire/h245.js';
import type { NamedEnd } from '../../wire/named-end.js';
import { PROTOCOL } from '../../wire/packet.js';
import { expectPair } from './media.js';
import type { SignalFlow, SignalSink } from './reader.js';
import { isEnd, isOfClient, isOfServer } from './scope.js';

/** Sessions of one connection that are kept. */
const MOST_SESSIONS = 64;

/** Where both sides receive the media of one session. */
interface Ends {
  client: NamedEnd | null;
  server: NamedEnd | null;
}

/** What has been told of media by control messages, wherever they were. Each session has RTP and RTCP. */
export class MediaSessions {
  // BOUNDED: MOST_SESSIONS, further ones are not expected.
  private readonly ends = new Map<string, Ends>();

  constructor(
    private readonly flow: SignalFlow,
    private readonly sink: SignalSink,
  ) {}

  /** A channel is opened or acknowledged by one side, which tells its own ends; in answers to a fast connect also the other's. */
  note(message: H245Message, isFromClient: boolean): void {
    if (message.kind !== 'open' && message.kind !== 'open-ack') return;
    const name = message.session >= 0 ? `session ${message.session}` : `channel ${message.channel}`;
    for (const { media, control } of [message.forward, message.reverse]) {
      if (media !== null) this.tell(`${name} media`, media, isFromClient);
      if (control !== null) this.tell(`${name} control`, control, isFromClient);
    }
    const { stack } = message;
    if (stack === null) return;
    if (isFromClient) expectCaller(this.flow, this.sink, stack);
    else expectConnection(this.flow, this.sink, stack);
  }

  private tell(name: string, end: NamedEnd, isFromClient: boolean): void {
    const isClients = this.isClients(end, isFromClient);
    const { address } = end;
    const may = isClients
      ? isOfClient(this.flow, this.sink.carried(), address)
      : isOfServer(this.flow, address);
    if (!isEnd(end) || !may) return;
    let ends = this.ends.get(name);
    if (ends === undefined) {
      if (this.ends.size >= MOST_SESSIONS) return;
      ends = { client: null, server: null };
      this.ends.set(name, ends);
    }
    ends[isClients ? 'client' : 'server'] = end;
    const { client, server } = ends;
    if (client === null || server === null) return;
    expectPair(this.flow, this.sink, [client.address, client.port], [server.address, server.port]);
  }

  private isClients({ address }: NamedEnd, isFromClient: boolean): boolean {
    const { client, server } = this.flow;
    if (sameAddress(address, 0, client.address, 0)) return true;
    return isFromClient && !sameAddress(address, 0, server.address, 0);
  }
}

/** The client will connect to where the server waits. */
export function expectConnection(flow: SignalFlow, sink: SignalSink, server: NamedEnd, reads?: 'h245'): void {
  if (!isEnd(server) || !isOfServer(flow, server.address)) return;
  const client = { address: flow.client.address, port: 0 };
  sink.expect({ protocol: PROTOCOL.TCP, client, server, reads });
}

/** The server of the flow will connect to where the client waits. */
export function expectCaller(flow: SignalFlow, sink: SignalSink, client: NamedEnd, reads?: 'h245'): void {
  if (!isEnd(client) || !isOfClient(flow, sink.carried(), client.address)) return;
  const server = { address: flow.server.address, port: 0 };
  const end = { address: flow.client.address, port: client.port };
  sink.expect({ protocol: PROTOCOL.TCP, client: end, server, reads });
}
