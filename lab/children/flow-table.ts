/** Connections that nobody has made: entries written into the connection table of a namespace, as a router with many flows has them. */
import { marksOf, routeMark, serviceMark } from '../../src/kernel/marks.js';
import { NETLINK_NETFILTER, NetlinkSocket } from '../../src/kernel/netlink-socket.js';
import { parseAddress } from '../../src/model/address.js';
import { encodeNew, type FlowEntry, TCP_CONNTRACK } from '../../src/wire/netlink/ctnetlink.js';
import { PROTOCOL } from '../../src/wire/packet.js';
import { serve } from '../rpc.js';

export interface FlowTablePlan {
  readonly count: number;
  /** Of the first one: the next calls go on from there. */
  readonly from?: number;
  /** Number of the route that they go by, and its address. */
  readonly route: number;
  readonly source: string;
  readonly mark: number;
  readonly service?: number;
}

/** Servers that they go to, each with a port of its own of every client's. */
const SERVERS = 5000;
const AT_ONCE = 100;
const TIMEOUT_SECONDS = 3600;
/** An attribute of one byte, CTA_PROTOINFO_TCP_STATE, as encodeNew writes it. */
const STATE_ATTRIBUTE = 0x0001_0005;

/** Writes established TCP flows of a client of the LAN; how many were refused. */
function fill({ count, from = 0, route, source, mark, service = 1 }: FlowTablePlan): number {
  const marks = marksOf(mark);
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: 1 << 20 });
  socket.setReceiveBuffer(1 << 20);
  const destination = new Int32Array(4);
  const base = parseAddress('198.18.0.0')!;
  const flow: FlowEntry = {
    protocol: PROTOCOL.TCP,
    family: 4,
    client: parseAddress('10.0.0.2')!,
    clientAt: 0,
    clientPort: 0,
    destination,
    destinationAt: 0,
    destinationPort: 443,
    translated: true,
    source: parseAddress(source)!,
    sourceAt: 0,
    sourcePort: 0,
    mark: (routeMark(marks, route) | serviceMark(marks, service) | marks.chosen) >>> 0,
    additions: null,
    isAnew: false,
    shift: 0,
  };
  let refused = 0;
  const noteRefusal = (error: number): void => {
    if (error !== 0) refused++;
  };
  for (let n = from; n < from + count; n++) {
    destination.set(base);
    destination[3] = base[3] + (n % SERVERS) + 1;
    flow.clientPort = flow.sourcePort = 33_000 + Math.floor(n / SERVERS);
    const start = socket.writer.length;
    encodeNew(socket.writer, flow, TIMEOUT_SECONDS, n);
    establish(socket, start);
    if (n % AT_ONCE !== AT_ONCE - 1 && n !== from + count - 1) continue;
    socket.flush();
    while (socket.read(noteRefusal, null)) {
      // Whatever was refused is there.
    }
  }
  socket.close();
  return refused;
}

function establish({ writer }: NetlinkSocket, start: number): void {
  for (let at = start; at < writer.length; at += 4)
    if (
      writer.view.getUint32(at, true) === STATE_ATTRIBUTE &&
      writer.view.getUint32(at + 4, true) === TCP_CONNTRACK.SYN_SENT
    ) {
      writer.bytes[at + 4] = TCP_CONNTRACK.ESTABLISHED;
      return;
    }
}

serve({ fill });
