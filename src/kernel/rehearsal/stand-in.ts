/**
 * In the kernel's place during a rehearsal: each socket that is opened is one end of a pair, so that all system calls of a front end are
 * made and nothing leaves the process. Requests of netlink are not answered, which counts as taken. Sequenced packets: they keep
 * messages apart, and do not look at the address that a message is for (net/unix/af_unix.c, unix_seqpacket_sendmsg).
 */
import { assert } from '../../model/errors.js';
import { MAX_DATAGRAM_LENGTH } from '../../wire/udp.js';
import { allocate, type Memory, openedBy, openPair, recycle, sys } from '../ffi.js';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
/** Longer messages are cut: nobody reads those of netlink. */
const ROOM = MAX_DATAGRAM_LENGTH;

export class StandIn {
  /** Our end of each pair, by the front end's. */
  private readonly ends = new Map<number, number>();
  /** Ours of the raw sockets, which packets leave by. */
  private readonly raws: number[] = [];
  private readonly room: Memory = allocate(ROOM);

  /** Sockets that are opened while `work` runs are ours. */
  around<T>(work: () => T): T {
    return openedBy((family) => this.open(family), work);
  }

  /** Has `fd` of the front end read this, at `address`. */
  say(fd: number, address: number, length: number): void {
    const end = this.ends.get(fd);
    assert(end !== undefined, 'a rehearsal speaks to a socket of its own');
    sys.send(end, address, length, MSG_DONTWAIT);
  }

  /** Packets that have left; each is valid during the call. */
  eachPacket(take: (packet: Memory, length: number) => void): void {
    for (const raw of this.raws)
      for (let length = this.read(raw); length > 0; length = this.read(raw)) take(this.room, length);
  }

  /** What else the front end has said is of no interest, but it needs the room. */
  drain(): void {
    for (const end of this.ends.values()) while (this.read(end) > 0);
  }

  close(): void {
    for (const end of this.ends.values()) sys.close(end);
    recycle(this.room);
  }

  private open(family: number): number {
    const pair = openPair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (pair === null) return -1;
    this.ends.set(pair[0], pair[1]);
    if (family === AF_INET || family === AF_INET6) this.raws.push(pair[1]);
    return pair[0];
  }

  private read(end: number): number {
    return sys.recv(end, this.room.address, ROOM, MSG_DONTWAIT);
  }
}
