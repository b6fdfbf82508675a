/** The dead man's switch: packets are queued only while the race loop renews its sign of life in the kernel. */
import { encodeRemove, encodeRenew } from '../wire/netlink/nftables.js';
import { PROTOCOL } from '../wire/packet.js';
import { SET_ALIVE, TABLE } from './constants.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';

const KEYS = [PROTOCOL.TCP, PROTOCOL.ICMP, PROTOCOL.ICMPV6];

export class Heartbeat {
  private readonly socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: 8192, receiveBytes: 8192 });

  constructor(private readonly timeoutMs: number) {}

  /** Renews the sign; an error number when the kernel refused (the table is gone), else 0. */
  beat(): number {
    encodeRenew(this.socket.writer, TABLE, SET_ALIVE, KEYS, this.timeoutMs, this.socket.nextSequence());
    return this.socket.request();
  }

  /** Takes the sign away: from now on the kernel goes on alone. */
  stop(): void {
    encodeRemove(this.socket.writer, TABLE, SET_ALIVE, KEYS, this.timeoutMs, this.socket.nextSequence());
    this.socket.request();
  }

  close(): void {
    this.socket.close();
  }
}
