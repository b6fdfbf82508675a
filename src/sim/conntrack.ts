/** What the kernel remembers of flows: enough of conntrack and NAT to carry decided connections. */
import type { Micros, RouteNumber, ServiceNumber } from '../core/engine-types.js';
import { tcp } from '../core/protocols/tcp.js';
import { FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { type Endpoint, flowKey, flowKeyOf } from './packets.js';

export interface Flow {
  /** TCP or UDP. */
  readonly protocol: number;
  readonly client: Endpoint;
  readonly destination: Endpoint;
  /** The client's end as the route shows it. */
  readonly source: Endpoint;
  readonly route: RouteNumber;
  readonly since: Micros;
  /** Written by a commit; otherwise the kernel translated it alone. */
  readonly raced: boolean;
  readonly service: ServiceNumber;
  /** Whether the engine counted its session when it chose. */
  readonly counted: boolean;
  /** Its SYN goes to the engine when it is repeated before an answer: another route may answer. */
  readonly rescuable: boolean;
  /** Something has come back by its route. */
  answered: boolean;
  /** Nothing more is expected of it: a new SYN or a new entry may take its tuples. */
  finished: boolean;
}

/** What tells a flow from others. */
export type Ends = Pick<Flow, 'protocol' | 'client' | 'destination' | 'source'>;

const UNANSWERED_LASTS_MICROS = 120_000_000;

export type CommitResult = 'ok' | 'taken';

export class ConntrackModel {
  /** Entries that stood in the way and were finished; and commits that a living flow refused. */
  replaced = 0;
  refused = 0;
  /** Called when a flow has begun, and when it has finished or was removed. */
  onSession: ((flow: Flow, begins: boolean) => void) | undefined;

  // BOUNDED: flows of one run.
  private readonly byClient = new Map<string, Flow>();
  private readonly byAnswer = new Map<string, Flow>();

  get size(): number {
    return this.byClient.size;
  }

  /** All flows, oldest first. */
  flows(): Flow[] {
    return [...this.byClient.values()];
  }

  /** CREATE|EXCL, with finished entries, and those that nobody has answered yet, deleted first. */
  write(flow: Flow): CommitResult {
    const inTheWay = [this.byClient.get(clientKey(flow)), this.byAnswer.get(answerKey(flow))];
    for (const old of inTheWay) {
      if (old === undefined) continue;
      if (!old.finished && old.answered) {
        this.refused++;
        return 'taken';
      }
      this.remove(old);
      this.replaced++;
    }
    this.byClient.set(clientKey(flow), flow);
    this.byAnswer.set(answerKey(flow), flow);
    this.onSession?.(flow, true);
    return 'ok';
  }

  /** Whether a client's flow is there with these very ends. */
  holds(ends: Ends): boolean {
    const flow = this.byClient.get(clientKey(ends));
    return flow !== undefined && answerKey(flow) === answerKey(ends);
  }

  /** Entries whose SYN nobody has answered do not stay (nf_conntrack_tcp_timeout_syn_sent). */
  expire(now: Micros): void {
    for (const flow of this.byClient.values())
      if (!flow.answered && now - flow.since > UNANSWERED_LASTS_MICROS) this.remove(flow);
  }

  remove(flow: Flow): void {
    this.finish(flow);
    if (this.byClient.get(clientKey(flow)) === flow) this.byClient.delete(clientKey(flow));
    if (this.byAnswer.get(answerKey(flow)) === flow) this.byAnswer.delete(answerKey(flow));
  }

  /** The flow of a packet from a client. A finished one gives way to a new SYN (nf_conntrack_tcp's re-open). */
  ofClient(packet: Packet): Flow | undefined {
    const flow = this.byClient.get(flowKeyOf(packet));
    if (flow === undefined) return undefined;
    const isSyn = packet.protocol === PROTOCOL.TCP && (packet.flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN;
    if (flow.finished && isSyn) {
      this.remove(flow);
      return undefined;
    }
    this.note(flow, packet);
    return flow;
  }

  /** The flow of a packet from a provider; an ICMP error belongs to the flow of the packet it quotes. */
  ofAnswer(packet: Packet): Flow | undefined {
    if (packet.protocol !== PROTOCOL.TCP && packet.protocol !== PROTOCOL.UDP) {
      const { protocol, destination, destinationPort, source, sourcePort } = packet.quote;
      return this.byAnswer.get(flowKey(protocol, destination, destinationPort, source, sourcePort));
    }
    const flow = this.byAnswer.get(flowKeyOf(packet));
    if (flow !== undefined) this.note(flow, packet);
    return flow;
  }

  /** Whether a living flow has a translated source towards a destination. */
  hasLivingSource(ends: Ends): boolean {
    const flow = this.byAnswer.get(answerKey(ends));
    return flow !== undefined && !flow.finished && flow.answered;
  }

  /** Whether a translated source towards a destination is in use. */
  hasSource(ends: Omit<Ends, 'client'>): boolean {
    return this.byAnswer.has(answerKey(ends));
  }

  private note(flow: Flow, packet: Packet): void {
    if (packet.protocol === PROTOCOL.TCP && tcp.ends(packet)) this.finish(flow);
  }

  private finish(flow: Flow): void {
    if (flow.finished) return;
    flow.finished = true;
    this.onSession?.(flow, false);
  }
}

function clientKey({ protocol, client, destination }: Ends): string {
  return flowKey(protocol, client.address, client.port, destination.address, destination.port);
}

function answerKey({ protocol, source, destination }: Omit<Ends, 'client'>): string {
  return flowKey(protocol, destination.address, destination.port, source.address, source.port);
}
