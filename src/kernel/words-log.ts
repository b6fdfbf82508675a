/** When both sides of a flow that is a sample speak for the first time: copies of headers, which the kernel sends as the packets pass. */
import type { Event } from '../core/contract.js';
import type { Engine } from '../core/engine.js';
import type { FlowEnds } from '../core/race/ends.js';
import { NO_RACE } from '../core/race/table.js';
import { createMessageView, NFGENMSG_LEN, readMessage } from '../wire/netlink/message.js';
import {
  createLoggedPacket,
  decodeLogged,
  encodeBindLog,
  encodeLogRange,
  NFULNL_MSG,
} from '../wire/netlink/nflog.js';
import { createPacket, DECODE, decode, type Packet } from '../wire/packet.js';
import { LOGGED_BYTES } from './constants.js';
import { allocate, type Memory, recycle, sys } from './ffi.js';
import { MessageArray } from './mmsg.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';

const BATCH = 16;
/** A message has several attributes besides. */
const SLOT = 1024;
const MSG_DONTWAIT = 0x40;
/** Longer than any: so that nothing is summed that is not there as a whole, or that an interface is still to sum. */
const ANY_LENGTH = 1 << 20;

/** Who is told. */
export interface Listener {
  readonly engine: Pick<Engine, 'races'>;
  note(event: Event & { kind: 'words' }): void;
}

export class WordsLog {
  readonly fd: number;
  private readonly socket: NetlinkSocket;
  private readonly memory: Memory = allocate(BATCH * SLOT);
  private readonly messages = new MessageArray(BATCH);
  private readonly message = createMessageView();
  private readonly logged = createLoggedPacket();
  private readonly packet = createPacket();

  private constructor(socket: NetlinkSocket) {
    this.socket = socket;
    this.fd = socket.fd;
    for (let i = 0; i < BATCH; i++) this.messages.setBuffer(i, this.memory.address + i * SLOT, SLOT);
  }

  /** null: this kernel has no such log, or the group is somebody else's. */
  static open(group: number): WordsLog | null {
    const socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: 256, receiveBytes: 4096 });
    encodeBindLog(socket.writer, group, socket.nextSequence());
    let refused = socket.request();
    if (refused === 0) {
      encodeLogRange(socket.writer, group, socket.nextSequence(), LOGGED_BYTES);
      refused = socket.request();
    }
    if (refused === 0) return new WordsLog(socket);
    socket.close();
    return null;
  }

  /** Takes what there is, and tells it. */
  read(listener: Listener): void {
    const { memory, message, logged, packet } = this;
    const count = sys.recvmmsg(this.fd, this.messages.address, BATCH, MSG_DONTWAIT, 0);
    for (let i = 0; i < count; i++) {
      const end = i * SLOT + this.messages.received(i);
      // Several packets may come in one datagram.
      for (let at = i * SLOT; at < end; ) {
        const next = readMessage(message, memory.view, at, end);
        if (next === -1) break;
        at = next;
        if (message.type !== NFULNL_MSG.PACKET || message.end < message.body + NFGENMSG_LEN) continue;
        if (!decodeLogged(logged, memory.view, message.body, message.end) || logged.at < 0) continue;
        const { payload, payloadLength } = logged;
        if (decode(packet, memory, payload, payload + payloadLength, ANY_LENGTH) !== DECODE.OK) continue;
        const isServer = listener.engine.races.findFlow(packet) === NO_RACE;
        const flow = isServer ? turned(packet) : packet;
        listener.note({ kind: 'words', flow, isServer, at: logged.at });
      }
    }
  }

  close(): void {
    this.socket.close();
    this.messages.close();
    recycle(this.memory);
  }
}

/** The flow of a packet that its server has sent. */
function turned({ family, protocol, source, sourcePort, destination, destinationPort }: Packet): FlowEnds {
  return {
    ...{ family, protocol },
    ...{ source: destination, sourcePort: destinationPort, destination: source, destinationPort: sourcePort },
  };
}
