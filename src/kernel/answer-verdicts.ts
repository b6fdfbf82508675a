/** Verdicts on packets of the WAN queue, and the marks that they came with. */
import { KEEP_MARK } from '../wire/netlink/nfqueue.js';
import { type Packet, PROTOCOL } from '../wire/packet.js';
import type { Marks } from './marks.js';
import type { Queue } from './queue.js';

export class AnswerVerdicts {
  /** Marks of the answers in hand, by id, and whether they are datagrams. */
  private readonly came: Int32Array;
  private readonly isDatagram: Uint8Array;

  /** `inHand`: a power of two, more than there are packets in a batch. */
  constructor(
    private readonly queue: Queue,
    private readonly marks: Marks,
    inHand: number,
  ) {
    this.came = new Int32Array(inHand);
    this.isDatagram = new Uint8Array(inHand);
  }

  /** A packet has come with this mark; one of the others follows. */
  note(id: number, mark: number, { protocol }: Packet): void {
    this.came[this.placeOf(id)] = mark;
    this.isDatagram[this.placeOf(id)] = protocol === PROTOCOL.UDP ? 1 : 0;
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

  /** Its flow is bound. The chain that has queued a datagram takes note of that (render-datagrams.ts): the next ones are conntrack's alone. */
  passWinner(id: number): void {
    if (this.isDatagram[this.placeOf(id)] === 1) this.queue.repeat(id, this.marks.judged);
    else this.pass(id);
  }

  drop(id: number): void {
    this.queue.drop(id);
  }

  private placeOf(id: number): number {
    return id & (this.came.length - 1);
  }
}
