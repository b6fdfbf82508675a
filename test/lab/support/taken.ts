/** Which route a connection took, as its server saw it: every provider's addresses carry the provider's number. */
import type { Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { boundIn } from '../../../lab/bound-socket.js';
import { type EchoConnection, type Host, type Lab, providerOf } from '../../../lab/index.js';

/** What a provider without translation lets through: the client's own address. */
export const INSIDE = 'inside';

/** The name of the provider that an address belongs to. */
export function routeOf(lab: Lab, address: string): string {
  return providerOf(lab.scenario, address) ?? INSIDE;
}

/** Routes of the connections to a port, in the order in which they arrived. */
export function routesTaken(lab: Lab, connections: readonly EchoConnection[], port?: number): string[] {
  return connections
    .filter(({ localPort }) => port === undefined || localPort === port)
    .map(({ remoteAddress }) => routeOf(lab, remoteAddress));
}

export function countOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export interface Datagram {
  readonly source: string;
  readonly sourcePort: number;
  readonly text: string;
}

/** Answers every datagram with itself, and keeps them. Ends with `close`. */
export class UdpEcho {
  /** BOUNDED: by the test. */
  readonly received: Datagram[] = [];

  private constructor(private readonly socket: Socket) {}

  static async listen(host: Host, address: string, port: number): Promise<UdpEcho> {
    const socket = await boundIn(host.namespace, address, port);
    const echo = new UdpEcho(socket);
    socket.on('message', (message, from) => {
      echo.received.push({ source: from.address, sourcePort: from.port, text: message.toString() });
      socket.send(message, from.port, from.address);
    });
    return echo;
  }

  close(): void {
    this.socket.close();
  }
}

export interface UdpPlan {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** Sent without a pause, in this order. */
  readonly texts: readonly string[];
  /** A pause before each of the texts; default none. */
  readonly gapMs?: number;
  /** How long answers are waited for; default 1000. */
  readonly waitMs?: number;
}

/** One flow from a port of its own: how many answers came. */
export async function udpFlow(host: Host, plan: UdpPlan): Promise<number> {
  const socket = await boundIn(host.namespace, plan.from, 0);
  let answers = 0;
  const done = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, (plan.waitMs ?? 1000) + (plan.gapMs ?? 0) * plan.texts.length);
    socket.on('message', () => {
      if (++answers < plan.texts.length) return;
      clearTimeout(timer);
      resolve();
    });
  });
  for (const text of plan.texts) {
    if (plan.gapMs !== undefined) await sleep(plan.gapMs);
    socket.send(Buffer.from(text), plan.port, plan.to);
  }
  await done;
  socket.close();
  return answers;
}
