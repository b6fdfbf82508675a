/** Verdicts on packets of the WAN queue, and the marks that they came with. */
import { KEEP_MARK } from '../wire/netlink/nfqueue.js';
import { FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import type { Marks } from './marks.js';
import type { Queue } from './queue.js';

export class AnswerVerdicts {
  /** Marks of the answers in hand, by id, and what says to the chain that has queued one that its flow is decided. */
  private readonly came: Int32Array;
  private readonly settled: Int32Array;

  /** `inHand`: a power of two, more than there are packets in a batch. */
  constructor(
    private readonly queue: Queue,
    private readonly marks: Marks,
    inHand: number,
  ) {
    this.came = new Int32Array(inHand);
    this.settled = new Int32Array(inHand);
  }

  /** A packet has come with this mark; one of the others follows. */
  note(id: number, mark: number, { protocol, flags }: Packet): void {
    this.came[this.placeOf(id)] = mark;
    const { judged, settled } = this.marks;
    const isPayload = protocol === PROTOCOL.TCP && (flags & FLAG.SYN) === 0;
    this.settled[this.placeOf(id)] = protocol === PROTOCOL.UDP ? judged : isPayload ? settled : 0;
  }

  /** Conntrack has already looked at what came with this mark, and knows nothing of it. */
  isLate(mark: number): boolean {
    const { late } = this.marks;
    return (mark & late) >>> 0 === late;
  }

  pass(id: number): void {
    this.letGo(id, this.came[this.placeOf(id)]);
  }

  /** It goes on as it came with this mark, which nobody else shall see. */
  letGo(id: number, mark: number): void {
    this.queue.accept(id, this.isLate(mark) ? (mark & ~this.marks.late) >>> 0 : KEEP_MARK);
  }

  /**
   * Its flow is bound, or stays as it is. The chain that has queued it takes note of that (render-datagrams.ts, render-opened.ts): the next ones
   * are conntrack's alone. An answer to a SYN needs nothing of the kind.
   */
  passWinner(id: number): void {
    const settled = this.settled[this.placeOf(id)];
    if (settled === 0) return this.pass(id);
    this.queue.repeat(id, (this.came[this.placeOf(id)] | settled) >>> 0);
  }

  drop(id: number): void {
    this.queue.drop(id);
  }

  private placeOf(id: number): number {
    return id & (this.came.length - 1);
  }
}
