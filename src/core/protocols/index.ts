/** All protocols whose connections are raced, in the order in which a packet is shown to them. */
import type { Packet } from '../../wire/packet.js';
import { datagram } from './datagram.js';
import { dns } from './dns.js';
import { ntp } from './ntp.js';
import type { Protocol } from './protocol.js';
import { quic } from './quic.js';
import { sip } from './sip.js';
import { socket } from './socket.js';
import { stun } from './stun.js';
import { tcp } from './tcp.js';

export const PROTOCOLS: readonly Protocol[] = [tcp, dns, ntp, stun, quic, sip, datagram, socket];

/** Whether the sender of a packet that belongs to no race and no flow waits for us. */
export function isWaiting(protocols: readonly Protocol[], packet: Packet): boolean {
  for (const protocol of protocols)
    if (protocol.transport === packet.protocol && protocol.isWaiting(packet)) return true;
  return false;
}
