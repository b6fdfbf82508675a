/** A netlink socket: one send for many messages, replies read at once or from the event loop. */
import { PathraceError } from '../model/errors.js';
import {
  createMessageView,
  createWriter,
  type MessageView,
  NLMSG,
  readMessage,
  type Writer,
} from '../wire/netlink/message.js';
import {
  allocate,
  E,
  errno,
  errnoName,
  type Memory,
  recycle,
  sendInBackground,
  setOption,
  sys,
} from './ffi.js';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SO_RCVBUF = 8;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_CAP_ACK = 10;
const MSG_DONTWAIT = 0x40;

export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;

/** Called for each message of a reply; errors and end marks are not passed on. */
export type EachMessage = (message: MessageView, view: DataView) => void;

export class NetlinkSocket {
  readonly fd: number;
  readonly writer: Writer;
  private readonly out: Memory;
  private readonly in: Memory;
  private readonly message = createMessageView();
  private sequence = 1;

  constructor(
    protocol: number,
    options: { sendBytes?: number; receiveBytes?: number; groups?: number[] } = {},
  ) {
    this.fd = sys.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (this.fd < 0) throw netlinkError('open a netlink socket', errno());
    this.out = allocate(options.sendBytes ?? 64 * 1024);
    this.in = allocate(options.receiveBytes ?? 64 * 1024);
    this.writer = createWriter(this.out.bytes, this.out.view);
    // An error reply then carries the header of the request only.
    setOption(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    this.in.view.setUint16(0, AF_NETLINK, true);
    if (sys.bind(this.fd, this.in.address, 12) !== 0) throw netlinkError('bind a netlink socket', errno());
    for (const group of options.groups ?? []) setOption(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  /** Makes room for bursts; overruns are then dropped silently by the kernel instead of failing reads. */
  setReceiveBuffer(bytes: number): void {
    if (!setOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes))
      setOption(this.fd, SOL_SOCKET, SO_RCVBUF, bytes);
    setOption(this.fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
  }

  nextSequence(): number {
    this.sequence = (this.sequence + 16) & 0x7fffffff;
    return this.sequence;
  }

  /** Sends what the writer holds and empties it; 0 or an error number. */
  flush(): number {
    const { length } = this.writer;
    if (length === 0) return 0;
    this.writer.length = 0;
    for (;;) {
      if (sys.send(this.fd, this.out.address, length, 0) >= 0) return 0;
      const error = errno();
      if (error !== E.INTR) return error;
    }
  }

  /**
   * Reads what is there. `onError` gets each error reply (error number, sequence; 0 for an acknowledgement), `each` all
   * others. Returns false once a dump has ended or nothing is left to read.
   */
  read(onError: (error: number, sequence: number) => void, each: EachMessage | null): boolean {
    const length = sys.recv(this.fd, this.in.address, this.in.bytes.length, MSG_DONTWAIT);
    if (length <= 0) return false;
    let more = true;
    let next = readMessage(this.message, this.in.view, 0, length);
    while (next !== -1) {
      const { type, body, sequence } = this.message;
      if (type === NLMSG.ERROR) onError(-this.in.view.getInt32(body, true), sequence);
      else if (type === NLMSG.DONE) more = false;
      else if (type !== NLMSG.NOOP && each !== null) each(this.message, this.in.view);
      next = readMessage(this.message, this.in.view, next, length);
    }
    return more;
  }

  /** Sends the writer's messages and reads every reply: the first error number, 0 when there is none. */
  request(each: EachMessage | null = null): number {
    const failed = this.flush();
    if (failed !== 0) return failed;
    let first = 0;
    const onError = (error: number): void => {
      if (first === 0) first = error;
    };
    while (this.read(onError, each)) {
      // The kernel has answered before send returned; the loop ends when nothing is left.
    }
    return first;
  }

  /**
   * Like `request`, but the kernel's work is done on another thread: a commit of nf_tables waits for all processors.
   * The writer must not be touched before `done` has got the first error number (0: none).
   */
  requestInBackground(done: (error: number) => void): void {
    const { length } = this.writer;
    this.writer.length = 0;
    sendInBackground(this.fd, this.out.address, length, () => done(this.request()));
  }

  /** The same for many messages: `onError` gets each error with the sequence of its message, then `done` whether it was sent at all. */
  exchangeInBackground(
    onError: (error: number, sequence: number) => void,
    done: (sent: boolean) => void,
  ): void {
    const { length } = this.writer;
    this.writer.length = 0;
    sendInBackground(this.fd, this.out.address, length, (sent) => {
      while (this.read(onError, null)) {
        // Until nothing is left.
      }
      done(sent === length);
    });
  }

  close(): void {
    sys.close(this.fd);
    recycle(this.out);
    recycle(this.in);
  }
}

/** The error for a refused request. */
export function netlinkError(what: string, error: number): PathraceError {
  const code = error === E.PERM ? 'E_PRIVILEGE' : 'E_NETLINK';
  return new PathraceError(code, `The kernel refused to ${what}.`, { found: errnoName(error) });
}
