/** Packets from the kernel's queues and verdicts back (include/uapi/linux/netfilter/nfnetlink_queue.h). */
import {
  type AttributeView,
  beginNfMessageTo,
  createAttributeView,
  endMessage,
  NFGENMSG_LEN,
  NLM_F,
  putBe32,
  putBytes,
  readAttribute,
  type Writer,
} from './message.js';

const NFNL_SUBSYS_QUEUE = 3 << 8;

/** Message types (enum nfqnl_msg_types). */
export const NFQNL_MSG = {
  PACKET: NFNL_SUBSYS_QUEUE | 0,
  VERDICT: NFNL_SUBSYS_QUEUE | 1,
  CONFIG: NFNL_SUBSYS_QUEUE | 2,
} as const;

/** Attributes of a packet and a verdict (enum nfqnl_attr_type). */
const NFQA = {
  PACKET_HDR: 1,
  VERDICT_HDR: 2,
  MARK: 3,
  IFINDEX_INDEV: 5,
  HWADDR: 9,
  PAYLOAD: 10,
  CT: 11,
  CAP_LEN: 13,
} as const;

/** Attributes of a configuration (enum nfqnl_attr_config) and its commands. */
const NFQA_CFG = { CMD: 1, PARAMS: 2, QUEUE_MAXLEN: 3, MASK: 4, FLAGS: 5 } as const;
const NFQNL_CFG_CMD_BIND = 1;
const NFQNL_COPY_PACKET = 2;
/** The kernel goes on with a packet that the queue cannot take, instead of dropping it. */
const NFQA_CFG_F_FAIL_OPEN = 1;
/** Each packet comes with the attributes of its connection's entry (CONFIG_NETFILTER_NETLINK_GLUE_CT). */
const NFQA_CFG_F_CONNTRACK = 2;

/** Verdicts (include/uapi/linux/netfilter.h). */
export const VERDICT = {
  DROP: 0,
  ACCEPT: 1,
  /** The chain that has queued it looks at it once more, with the mark of the verdict. */
  REPEAT: 4,
} as const;

/** Where packets are queued (enum nf_inet_hooks). */
export const HOOK = { PRE_ROUTING: 0, LOCAL_IN: 1, FORWARD: 2, LOCAL_OUT: 3, POST_ROUTING: 4 } as const;

/** One packet that waits for a verdict; reused. Offsets are into the receive buffer. */
export interface QueuedPacket {
  id: number;
  /** enum nf_inet_hooks: where it was queued. */
  hook: number;
  mark: number;
  inInterface: number;
  payload: number;
  payloadLength: number;
  /** Length on the wire; more than payloadLength when the copy range cut it. */
  wireLength: number;
  /** Address of the sender on the interface that it came in by, in two words; 0 and 0: it has none. */
  hardwareHigh: number;
  hardwareLow: number;
  /** The attributes of its connection's entry; `entryLength` 0: there are none, or they were not asked for. */
  entry: number;
  entryLength: number;
}

export function createQueuedPacket(): QueuedPacket {
  return {
    ...{ id: 0, hook: 0, mark: 0, inInterface: 0, hardwareHigh: 0, hardwareLow: 0 },
    ...{ payload: 0, payloadLength: 0, wireLength: 0, entry: 0, entryLength: 0 },
  };
}

const attribute: AttributeView = createAttributeView();

/** Decodes the body of a NFQNL_MSG.PACKET; false when it carries no packet id. */
export function decodeQueued(out: QueuedPacket, view: DataView, body: number, end: number): boolean {
  let found = false;
  out.hook = 0;
  out.mark = 0;
  out.inInterface = 0;
  out.payload = 0;
  out.payloadLength = 0;
  out.wireLength = 0;
  out.hardwareHigh = 0;
  out.hardwareLow = 0;
  out.entryLength = 0;
  let next = readAttribute(attribute, view, body + NFGENMSG_LEN, end);
  while (next !== -1) {
    switch (attribute.type) {
      case NFQA.PACKET_HDR:
        if (attribute.length >= 7) {
          out.id = view.getUint32(attribute.value);
          out.hook = view.getUint8(attribute.value + 6);
          found = true;
        }
        break;
      case NFQA.MARK:
        if (attribute.length >= 4) out.mark = view.getUint32(attribute.value);
        break;
      case NFQA.IFINDEX_INDEV:
        if (attribute.length >= 4) out.inInterface = view.getUint32(attribute.value);
        break;
      case NFQA.HWADDR:
        // struct nfqnl_msg_packet_hw: the length, two bytes for nothing, eight of the address.
        if (attribute.length >= 12 && view.getUint16(attribute.value) > 0) {
          out.hardwareHigh = view.getUint32(attribute.value + 4);
          out.hardwareLow = view.getUint32(attribute.value + 8);
        }
        break;
      case NFQA.PAYLOAD:
        out.payload = attribute.value;
        out.payloadLength = attribute.length;
        break;
      case NFQA.CT:
        out.entry = attribute.value;
        out.entryLength = attribute.length;
        break;
      case NFQA.CAP_LEN:
        if (attribute.length >= 4) out.wireLength = view.getUint32(attribute.value);
        break;
    }
    next = readAttribute(attribute, view, next, end);
  }
  if (out.wireLength === 0) out.wireLength = out.payloadLength;
  return found;
}

/** Writes a packet as the kernel queues it, with the attributes of its entry behind it where there are any: for rehearsals and tests. */
export function encodeQueued(
  w: Writer,
  queue: number,
  packet: Pick<QueuedPacket, 'id' | 'hook' | 'mark' | 'inInterface' | 'hardwareHigh' | 'hardwareLow'>,
  payload: ArrayLike<number>,
  entry: ArrayLike<number> | null,
): void {
  beginNfMessageTo(w, NFQNL_MSG.PACKET, 0, 0, queue);
  const { id } = packet;
  putBytes(w, NFQA.PACKET_HDR, [id >>> 24, (id >>> 16) & 255, (id >>> 8) & 255, id & 255, 8, 0, packet.hook]);
  putBe32(w, NFQA.MARK, packet.mark);
  putBe32(w, NFQA.IFINDEX_INDEV, packet.inInterface);
  if ((packet.hardwareHigh | packet.hardwareLow) !== 0) {
    putBytes(w, NFQA.HWADDR, HARDWARE_FRAME);
    w.view.setUint32(w.length - 8, packet.hardwareHigh);
    w.view.setUint32(w.length - 4, packet.hardwareLow);
  }
  putBytes(w, NFQA.PAYLOAD, payload);
  if (entry !== null) putBytes(w, NFQA.CT, entry);
  endMessage(w);
}

/** struct nfqnl_msg_packet_hw of an Ethernet address. */
const HARDWARE_FRAME = [0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/** In the place of a verdict's mark: the packet's stays as it is. */
export const KEEP_MARK = -1;

/** Writes a verdict. */
export function encodeVerdict(w: Writer, queue: number, id: number, verdict: number, mark: number): void {
  beginNfMessageTo(w, NFQNL_MSG.VERDICT, NLM_F.REQUEST, 0, queue);
  const { view } = w;
  view.setUint16(w.length, 12, true);
  view.setUint16(w.length + 2, NFQA.VERDICT_HDR, true);
  view.setUint32(w.length + 4, verdict);
  view.setUint32(w.length + 8, id);
  w.length += 12;
  if (mark !== KEEP_MARK) putBe32(w, NFQA.MARK, mark);
  endMessage(w);
}

/** Writes the request that binds the socket to a queue, with an acknowledgement. */
export function encodeBind(w: Writer, queue: number, sequence: number): void {
  beginNfMessageTo(w, NFQNL_MSG.CONFIG, NLM_F.REQUEST | NLM_F.ACK, sequence, queue);
  putBytes(w, NFQA_CFG.CMD, [NFQNL_CFG_CMD_BIND, 0, 0, 0]);
  endMessage(w);
}

/** Writes the parameters of a bound queue: bytes copied per packet, length of the queue, fail open. */
export function encodeParameters(
  w: Writer,
  queue: number,
  sequence: number,
  copyRange: number,
  queueLength: number,
): void {
  beginNfMessageTo(w, NFQNL_MSG.CONFIG, NLM_F.REQUEST | NLM_F.ACK, sequence, queue);
  const range = [copyRange >>> 24, (copyRange >>> 16) & 255, (copyRange >>> 8) & 255, copyRange & 255];
  putBytes(w, NFQA_CFG.PARAMS, [...range, NFQNL_COPY_PACKET]);
  putBe32(w, NFQA_CFG.QUEUE_MAXLEN, queueLength);
  putBe32(w, NFQA_CFG.MASK, NFQA_CFG_F_FAIL_OPEN);
  putBe32(w, NFQA_CFG.FLAGS, NFQA_CFG_F_FAIL_OPEN);
  endMessage(w);
}

/** Writes the request for entries with the packets of a bound queue. Refused where the kernel was built without. */
export function encodeWantEntries(w: Writer, queue: number, sequence: number): void {
  beginNfMessageTo(w, NFQNL_MSG.CONFIG, NLM_F.REQUEST | NLM_F.ACK, sequence, queue);
  putBe32(w, NFQA_CFG.MASK, NFQA_CFG_F_CONNTRACK);
  putBe32(w, NFQA_CFG.FLAGS, NFQA_CFG_F_CONNTRACK);
  endMessage(w);
}
