/** The dead man's switch: packets are queued only while the race loop renews its sign of life in the kernel. */
import { encodeRemove, encodeRenew } from '../wire/netlink/nftables.js';
import { SET_ALIVE, TABLE } from './constants.js';
import { E } from './ffi.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';

/** Keys: NFPROTO_IPV4 and NFPROTO_IPV6 (uapi/linux/netfilter.h); every packet has one of them. */
const SIGN = { table: TABLE, set: SET_ALIVE, keys: [2, 10] };

export class Heartbeat {
  private readonly socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: 8192, receiveBytes: 8192 });

  private busy = false;
  private closing: (() => void) | null = null;

  /** `onMissing` is told when the kernel no longer has what the sign is kept in. Whatever else it refuses, the next beat is soon. */
  constructor(
    private readonly timeoutMs: number,
    private readonly onMissing: () => void,
  ) {}

  /** Renews the sign once, and waits for it: when this returns, packets are queued. 0 or an error number. */
  first(): number {
    encodeRenew(this.socket.writer, SIGN, this.timeoutMs, this.socket.nextSequence());
    return this.socket.request();
  }

  /**
   * Renews the sign without keeping the caller waiting: the transaction takes a millisecond and more, which a packet
   * would feel. Driven by the race loop's own timer all the same, so it proves that the loop runs.
   */
  beat(): void {
    this.send(encodeRenew);
  }

  /** Takes the sign away for now: the kernel goes on alone until the next `beat`. */
  pause(): void {
    this.send(encodeRemove);
  }

  /** Takes the sign away: from now on the kernel goes on alone. Resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.busy) {
      await new Promise<void>((resolve) => {
        this.closing = resolve;
      });
    }
    this.busy = true;
    encodeRemove(this.socket.writer, SIGN, this.timeoutMs, this.socket.nextSequence());
    this.socket.request();
    this.socket.close();
  }

  private send(encode: typeof encodeRenew): void {
    if (this.busy) return;
    this.busy = true;
    encode(this.socket.writer, SIGN, this.timeoutMs, this.socket.nextSequence());
    this.socket.requestInBackground((error) => {
      this.busy = false;
      if (error === E.NOENT) this.onMissing();
      if (this.closing !== null) this.closing();
    });
  }
}
