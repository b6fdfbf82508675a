/**
 * A batch of packets in a front end: each gets its verdict from the engine, and what the engine wants is done at the end of the batch,
 * in an order that is the same for every front end:
 *
 *   entries of the flow table  ->  verdicts on answers  ->  copies and resets  ->  verdicts on set-ups
 *
 * so that a winner's reply goes on only after its entry is written, and waits for nothing else.
 */
import { createVerdict, type Event, type Input, type Verdict } from './contract.js';
import type { Engine } from './engine.js';
import type { Micros, RaceId, RouteNumber } from './engine-types.js';
import { NO_RACE } from './race/table.js';

/** How a front end does it. `id` is the front end's own name for a packet of the batch. */
export interface BatchPorts {
  /** Writes the entries of all flows that were committed since the last batch, and what else the flow table was told. */
  writeEntries(): void;
  /** Whether the entry of the n-th of these commits is there now. */
  isBound(index: number): boolean;
  /** The verdict on the packet in hand: sent with the next `sendAnswers`, or `sendSetups`. */
  judgeAnswer(id: number, verdict: Verdict): void;
  judgeSetup(id: number, verdict: Verdict): void;
  /** The verdict on an answer that has waited for its entry. */
  judgeWinner(id: number, isBound: boolean): void;
  sendAnswers(): void;
  sendSetups(): void;
  /** Sends copies, resets and errors; false when there was nothing to send. */
  sendPackets(): boolean;
  /** Calls back for each copy that could not be sent. */
  takeUnsent(each: (race: RaceId, route: RouteNumber) => void): void;
}

/** Of a set-up whose copies have left. */
const DROP = createVerdict();

/** Of an answer behind a winner. */
const PASS: Verdict = { ...DROP, kind: 'pass', isLast: true };

export class Batch {
  // BOUNDED: one entry per answer of a batch that has won.
  private readonly heldIds: number[] = [];
  private readonly heldRaces: RaceId[] = [];
  private held = 0;
  // BOUNDED: one entry per answer of a batch that has come behind one of these.
  private readonly behind: number[] = [];
  // BOUNDED: one entry per set-up of a batch that is raced; and those whose races ended since no copy could leave.
  private readonly racedIds: number[] = [];
  private readonly races: RaceId[] = [];
  private raced = 0;
  private readonly lost: RaceId[] = [];
  private now: Micros = 0;
  private readonly committed: Event & { kind: 'committed' } = { kind: 'committed', race: 0, ok: false };

  constructor(
    private readonly engine: Engine,
    private readonly ports: BatchPorts,
  ) {}

  /** A packet of the batch; `end` follows. The race whose copies leave in its place; NO_RACE: it is not raced, or an answer. */
  take(id: number, input: Input & { kind: 'setup' | 'answer' | 'client' }, now: Micros): RaceId {
    const verdict = this.engine.handle(input, now);
    if (input.kind === 'client') {
      this.ports.judgeSetup(id, verdict);
      return NO_RACE;
    }
    if (input.kind === 'setup') {
      if (verdict.kind !== 'drop' || verdict.race === NO_RACE) {
        this.ports.judgeSetup(id, verdict);
        return verdict.kind === 'pass' ? verdict.race : NO_RACE;
      }
      this.racedIds[this.raced] = id;
      this.races[this.raced] = verdict.race;
      this.raced++;
      return verdict.race;
    }
    if (verdict.kind === 'pass' && verdict.race !== NO_RACE) {
      this.behind.push(id);
      return NO_RACE;
    }
    if (verdict.kind !== 'commit') {
      this.ports.judgeAnswer(id, verdict);
      return NO_RACE;
    }
    this.heldIds[this.held] = id;
    this.heldRaces[this.held] = verdict.race;
    this.held++;
    return NO_RACE;
  }

  /** The batch is complete, or something besides a packet has had effects. */
  end(now: Micros): void {
    this.now = now;
    this.settleCommits();
    this.ports.sendAnswers();
    // A copy that cannot leave can end a race, whose reset may not leave either: finitely many, as each is reported once.
    while (this.ports.sendPackets()) this.ports.takeUnsent(this.noteUnsent);
    this.settleRaced();
    this.ports.sendSetups();
  }

  /** A set-up ends here when its copies have left; when none could, it goes on by itself. */
  private settleRaced(): void {
    const { raced, ports, lost } = this;
    this.raced = 0;
    for (let i = 0; i < raced; i++) {
      if (lost.length > 0 && lost.includes(this.races[i]))
        ports.judgeSetup(this.racedIds[i], this.engine.letGo());
      else ports.judgeSetup(this.racedIds[i], DROP);
    }
    lost.length = 0;
  }

  private settleCommits(): void {
    const { held, ports, committed } = this;
    this.held = 0;
    ports.writeEntries();
    for (let i = 0; i < held; i++) {
      committed.race = this.heldRaces[i];
      committed.ok = ports.isBound(i);
      ports.judgeWinner(this.heldIds[i], committed.ok);
      this.engine.note(committed, this.now);
    }
    for (const id of this.behind) ports.judgeAnswer(id, PASS);
    this.behind.length = 0;
  }

  private readonly noteUnsent = (race: RaceId, route: RouteNumber): void => {
    if (this.engine.notSent(race, route, this.now)) this.lost.push(race);
  };
}
