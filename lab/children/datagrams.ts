/** Datagrams: a server that says where each came from, and flows of a client that ask it; a process in either namespace. */
import { createSocket, type Socket } from 'node:dgram';
import { serve } from '../rpc.js';

/** One question of a flow: who the server says that it came from; null when no answer came in time. */
export interface DatagramAnswer {
  from: { address: string; port: number } | null;
}

interface ListenPlan {
  /** Each has a socket of its own, so that answers come from where the question went. */
  addresses: readonly string[];
  ports: readonly number[];
  names?: boolean;
}

// BOUNDED: one per `open`, until the process ends.
const flows: Socket[] = [];

/** Answers every datagram with its source as the server sees it; as a name server that knows no name, with `names`. */
async function listen({ addresses, ports, names }: ListenPlan): Promise<void> {
  for (const [at, port] of addresses.flatMap((address) => ports.map((port) => [address, port] as const))) {
    const socket = createSocket({ type: at.includes(':') ? 'udp6' : 'udp4' });
    socket.on('message', (text, { address, port }) => {
      if (names) {
        // Its own question, as an answer (QR) with NXDOMAIN.
        text[2] |= 0x80;
        text[3] = 3;
        socket.send(text, port, address);
        return;
      }
      const from = { address, port };
      socket.send(JSON.stringify({ id: String(text), from }), port, address);
    });
    await new Promise<void>((resolve) => socket.bind(port, at, resolve));
  }
}

/** A flow: one socket towards one server. Returns its number and its port. */
async function open(to: {
  address: string;
  port: number;
  /** Own address; default the kernel's choice. */
  source?: string;
}): Promise<{ flow: number; port: number }> {
  const socket = createSocket({ type: to.address.includes(':') ? 'udp6' : 'udp4' });
  if (to.source !== undefined) await new Promise<void>((resolve) => socket.bind(0, to.source, resolve));
  await new Promise<void>((resolve) => socket.connect(to.port, to.address, resolve));
  socket.on('error', () => {});
  return { flow: flows.push(socket) - 1, port: socket.address().port };
}

let lastId = 0;

/** Sends one datagram on a flow and waits for its answer. */
function ask({ flow, timeoutMs }: { flow: number; timeoutMs: number }): Promise<DatagramAnswer> {
  const socket = flows[flow] as Socket;
  const id = String(++lastId);
  return new Promise((resolve) => {
    const finish = (from: DatagramAnswer['from']): void => {
      clearTimeout(timer);
      socket.off('message', onMessage);
      resolve({ from });
    };
    const onMessage = (text: Buffer): void => {
      const answer = JSON.parse(String(text)) as { id: string; from: DatagramAnswer['from'] };
      if (answer.id === id) finish(answer.from);
    };
    const timer = setTimeout(() => finish(null), timeoutMs);
    socket.on('message', onMessage);
    // An ICMP error of the datagram before is no answer to this one.
    socket.send(id, () => {});
  });
}

serve({ listen, open, ask });
