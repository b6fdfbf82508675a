/** Verdicts on set-ups from the LAN queue: what the daemon has chosen, and what goes on as the rules have marked it. */
import type { Verdict } from '../core/contract.js';
import type { EngineService } from '../core/engine-types.js';
import { HOOK } from '../wire/netlink/nfqueue.js';
import { chosenMark } from './chosen-mark.js';
import { isAsked, type Marks, routeOfMark } from './marks.js';
import type { Queue } from './queue.js';

export class SetupVerdicts {
  /** Marks that the packets in hand came with, by id. */
  private readonly came: Int32Array;
  /** Which of them have been routed before they were given a mark. */
  private readonly routed: Uint8Array;

  /** `inHand`: a power of two, more than there are packets in a batch. */
  constructor(
    private readonly queue: Queue,
    private readonly marks: Marks,
    inHand: number,
  ) {
    this.came = new Int32Array(inHand);
    this.routed = new Uint8Array(inHand);
  }

  /** A packet has come with this mark; one of the others follows. `hook`: where it was queued. */
  note(id: number, mark: number, hook: number): void {
    this.came[id & (this.came.length - 1)] = mark;
    this.routed[id & (this.came.length - 1)] = hook === HOOK.LOCAL_OUT ? 1 : 0;
  }

  /** It goes on as the rules have marked it. */
  letGo(id: number): void {
    const { marks } = this;
    const mark = this.markOf(id);
    // The kernel routes anew what comes out of its chain with another mark.
    if (!isAsked(marks, mark) && this.routed[id & (this.came.length - 1)] === 1)
      return this.queue.repeat(id, (mark | marks.judged) >>> 0);
    if (!isAsked(marks, mark)) return this.queue.accept(id);
    this.queue.repeat(id, ((mark & (marks.routeMask | marks.serviceMask)) | marks.judged) >>> 0);
  }

  /** `service`: the verdict's. */
  judge(id: number, verdict: Verdict, service: EngineService | undefined): void {
    const { kind, route } = verdict;
    if (kind === 'drop') return this.queue.drop(id);
    if (kind === 'pass' && verdict.isLast) return this.queue.repeat(id, this.marks.settled);
    // Without a mark of ours the packet keeps what the ruleset has set: the route of its flow, or the rest route.
    if (kind !== 'release' || route === 0) return this.letGo(id);
    // For the rules there is no route, so that they have noted none.
    if (routeOfMark(this.marks, this.markOf(id)) === 0) return this.queue.accept(id);
    // Back to the chain that has queued it, which gives the connection the same mark.
    this.queue.repeat(id, (chosenMark(this.marks, service, verdict) | this.marks.judged) >>> 0);
  }

  private markOf(id: number): number {
    return this.came[id & (this.came.length - 1)];
  }
}
