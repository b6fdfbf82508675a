/**
 * Two questions about a packet of the gateway's own: what its socket is bound to (include/uapi/linux/inet_diag.h), and which way a mark has
 * to its destination (include/uapi/linux/rtnetlink.h).
 */
import { type AddressWords, type Family, writeAddress } from '../../model/address.js';
import { PROTOCOL } from '../packet.js';
import { beginMessage, endMessage, type MessageView, NLM_F, putU32, type Writer } from './message.js';

/** A flow as its packet has it. */
export interface SocketFlow {
  readonly family: Family;
  readonly protocol: number;
  readonly source: AddressWords;
  readonly sourcePort: number;
  readonly destination: AddressWords;
  readonly destinationPort: number;
}

const AF = { 4: 2, 6: 10 } as const;

const SOCK_DIAG_BY_FAMILY = 20;
const ALL_STATES = 0xffff_ffff;
/** struct inet_diag_req_v2: family, protocol, extensions, states; then struct inet_diag_sockid. */
const REQUEST = { STATES: 4, ID: 8, LENGTH: 56 } as const;
/** struct inet_diag_sockid. */
const ID = { SPORT: 0, DPORT: 2, SRC: 4, DST: 20, IF: 36, COOKIE: 40 } as const;
/** struct inet_diag_msg: family, state, timer, retransmissions; then the id. */
const REPLY_ID = 4;
/** Any socket will do (INET_DIAG_NOCOOKIE). */
const NO_COOKIE = 0xffff_ffff;

/** Asks for the socket of a flow that leaves by an interface: one that is bound to that or to none. */
export function encodeSocketGet(w: Writer, flow: SocketFlow, interfaceIndex: number, sequence: number): void {
  beginMessage(w, SOCK_DIAG_BY_FAMILY, NLM_F.REQUEST, sequence);
  const at = w.length;
  w.bytes.fill(0, at, at + REQUEST.LENGTH);
  w.view.setUint8(at, AF[flow.family]);
  w.view.setUint8(at + 1, flow.protocol);
  w.view.setUint32(at + REQUEST.STATES, ALL_STATES, true);
  // Of UDP the kernel takes them the other way round (udp_dump_one in net/ipv4/udp_diag.c).
  const isUdp = flow.protocol === PROTOCOL.UDP;
  const id = at + REQUEST.ID;
  const [local, remote] = isUdp ? [ID.DST, ID.SRC] : [ID.SRC, ID.DST];
  w.view.setUint16(id + (isUdp ? ID.DPORT : ID.SPORT), flow.sourcePort);
  w.view.setUint16(id + (isUdp ? ID.SPORT : ID.DPORT), flow.destinationPort);
  writeAddress(flow.family, flow.source, 0, w.view, id + local);
  writeAddress(flow.family, flow.destination, 0, w.view, id + remote);
  w.view.setUint32(id + ID.IF, interfaceIndex, true);
  w.view.setUint32(id + ID.COOKIE, NO_COOKIE, true);
  w.view.setUint32(id + ID.COOKIE + 4, NO_COOKIE, true);
  w.length += REQUEST.LENGTH;
  endMessage(w);
}

/** The interface that the socket of a reply is bound to; 0: none, or it is no such reply. */
export function boundInterface(view: DataView, { type, body, end }: MessageView): number {
  const at = body + REPLY_ID + ID.IF;
  if (type !== SOCK_DIAG_BY_FAMILY || at + 4 > end) return 0;
  return view.getUint32(at, true);
}

const RTM = { NEWROUTE: 24, GETROUTE: 26 } as const;
const RTA = { DST: 1, MARK: 16 } as const;
/** struct rtmsg. */
const RTMSG = { DST_LEN: 1, TYPE: 7, LENGTH: 12 } as const;
const RTN_UNICAST = 1;
const ADDRESS_LENGTH = { 4: 4, 6: 16 } as const;

/** Asks for the way that a packet with a mark has. */
export function encodeWayGet(
  w: Writer,
  { family, destination }: Pick<SocketFlow, 'family' | 'destination'>,
  mark: number,
  sequence: number,
): void {
  const length = ADDRESS_LENGTH[family];
  beginMessage(w, RTM.GETROUTE, NLM_F.REQUEST, sequence);
  w.bytes.fill(0, w.length, w.length + RTMSG.LENGTH);
  w.view.setUint8(w.length, AF[family]);
  w.view.setUint8(w.length + RTMSG.DST_LEN, length * 8);
  w.length += RTMSG.LENGTH;
  w.view.setUint16(w.length, 4 + length, true);
  w.view.setUint16(w.length + 2, RTA.DST, true);
  writeAddress(family, destination, 0, w.view, w.length + 4);
  w.length += 4 + length;
  putU32(w, RTA.MARK, mark);
  endMessage(w);
}

/** Whether a reply names a way, by which packets leave. */
export function isWay(view: DataView, { type, body, end }: MessageView): boolean {
  return (
    type === RTM.NEWROUTE && body + RTMSG.LENGTH <= end && view.getUint8(body + RTMSG.TYPE) === RTN_UNICAST
  );
}
