/** Stage 1: may this packet be copied? */
import type { SingleReason } from '../../model/reasons.js';
import { MAX_SETUP_LENGTH, setupLength } from '../../wire/build.js';
import { FLAG, type Packet, PROTOCOL } from '../../wire/packet.js';
import { OPTION } from '../../wire/tcp-options.js';

/** Why a packet of a new connection must not be copied; null when it may be. */
export function whyNotRaced(packet: Packet): SingleReason | null {
  if (packet.protocol !== PROTOCOL.TCP) return 'not-a-set-up';
  if ((packet.flags & (FLAG.SYN | FLAG.ACK | FLAG.RST | FLAG.FIN)) !== FLAG.SYN) return 'not-a-set-up';
  // The kernel answers with time exceeded when it forwards the packet.
  if (packet.ttl <= 1) return 'ttl-expires-here';
  // Its MAC covers the addresses: any translation breaks it (RFC 5925 section 9.2).
  if ((packet.options & OPTION.AUTHENTICATION) !== 0) return 'tcp-authentication';
  // A further subflow of a connection that has chosen its paths itself (RFC 8684 section 3.2).
  if ((packet.options & OPTION.MPTCP_JOIN) !== 0) return 'mptcp-join';
  if (packet.family === 4 && packet.hasIpOptions) return 'ip-options';
  if (setupLength(packet) > MAX_SETUP_LENGTH) return 'set-up-too-long';
  if (!isGlobalScope(packet)) return 'destination-scope';
  return null;
}

/** Link-local destinations belong to one link (RFC 3927, RFC 4291 section 2.5.6). */
function isGlobalScope(packet: Packet): boolean {
  const { destination } = packet;
  return packet.family === 4 ? destination[3] >>> 16 !== 0xa9fe : destination[0] >>> 22 !== 0xfe80 >>> 6;
}
