/** The flows of media that both sides have described (RFC 3264, 3605, 5761): packets go from and to the ports that are told. */

import type { AddressWords } from '../../model/address.js';
import { PROTOCOL } from '../../wire/packet.js';
import type { SdpMedia } from '../../wire/sdp.js';
import type { SignalFlow, SignalSink } from './reader.js';
import { isOfClient, isOfServer } from './scope.js';
import type { Call } from './table.js';

/** Both have described their media: what they have in the same place belongs together. */
export function expectMedia({ media }: Call, flow: SignalFlow, sink: SignalSink): void {
  const { client, server } = media;
  if (client === null || server === null) return;
  const count = Math.min(client.length, server.length);
  for (let i = 0; i < count; i++) expectStream(client[i], server[i], flow, sink);
}

function expectStream(ours: SdpMedia, theirs: SdpMedia, flow: SignalFlow, sink: SignalSink): void {
  if (ours.port === 0 || theirs.port === 0) return;
  if (isOverTcp(ours)) return expectConnection(ours, theirs, flow, sink);
  expectPair(flow, sink, [ours.address, ours.port], [theirs.address, theirs.port]);
  const isMuxed = ours.isMuxed && theirs.isMuxed;
  if (isMuxed || ours.rtcpPort === 0 || theirs.rtcpPort === 0) return;
  expectPair(flow, sink, [ours.rtcpAddress, ours.rtcpPort], [theirs.rtcpAddress, theirs.rtcpPort]);
}

/** No port of anybody's. */
const DISCARD = 9;

/** TCP/RTP/AVP, TCP (a fax by T.38): who connects takes any port. */
function isOverTcp({ protocol }: SdpMedia): boolean {
  return protocol === 'TCP' || protocol.startsWith('TCP/') || protocol.startsWith('TCPTL');
}

function expectConnection(ours: SdpMedia, theirs: SdpMedia, flow: SignalFlow, sink: SignalSink): void {
  const { address, port } = theirs;
  if (address === null || !isOfServer(flow, address)) return;
  // Who waits says where; who connects says this (RFC 4145 section 4).
  if (ours.address !== null && ours.port !== DISCARD && isOfClient(flow, sink.carried(), ours.address))
    sink.expect({
      protocol: PROTOCOL.TCP,
      client: { address: flow.client.address, port: ours.port },
      server: { address, port: 0 },
    });
  if (port === DISCARD) return;
  sink.expect({
    protocol: PROTOCOL.TCP,
    client: { address: flow.client.address, port: 0 },
    server: { address, port },
  });
}

type Told = readonly [address: AddressWords | null, port: number];

/** Datagrams between two ends, if both may be what they are said to be. */
export function expectPair(
  flow: SignalFlow,
  sink: SignalSink,
  [ours, port]: Told,
  [theirs, their]: Told,
): void {
  if (ours === null || theirs === null || port === 0 || their === 0) return;
  if (!isOfClient(flow, sink.carried(), ours) || !isOfServer(flow, theirs)) return;
  sink.expect({
    protocol: PROTOCOL.UDP,
    client: { address: flow.client.address, port },
    server: { address: theirs, port: their },
  });
}
