/**
 * Decisions as lines of JSON in a file (`log.decisions`). They are fetched in parts from the race thread's ring, and written by nobody that
 * anything waits for: with a disk that is full or hangs the ring goes on, and what gave way in it meanwhile is counted.
 */
import { readDecision } from '../../core/decision-columns.js';
import type { DecisionPart } from '../../core/decisions.js';
import { dateText, monotonicMs } from '../../kernel/clock.js';
import type { DecisionLogConfig } from '../../model/config.js';
import { every } from '../every.js';
import type { GatewayState } from '../gateway-state.js';
import { leaveBehind, within } from '../patience.js';
import { toDecision } from '../why-report.js';
import { RotatingFile } from './rotating-file.js';

/** Between two looks at the ring. */
const LOOK_MS = 1000;
/** Decisions of one part, and parts of one look: the event loops turn in between. */
const PART = 500;
const PARTS = 40;
/** The last ones may take so long. */
const LAST_MS = 2000;
/** A disk that has not taken a part for so long hangs. */
const STUCK_MS = 10_000;
/** In place of a number of a decision: the next one that is made. */
const TO_COME = -1;

export class DecisionLog {
  /** Since start. `missed`: they gave way in the ring first, or could not be written. */
  readonly counts = { written: 0, missed: 0 };

  private made: { readonly by: string; readonly file: RotatingFile } | null = null;
  /** Number of the next decision: the gateway begins with the first. */
  private next = 0;
  private hasLooked = false;
  /** Of those that were missed nobody has written yet. */
  private untold = 0;
  private working: Promise<void> = Promise.resolve();
  /** Monotonic time; null: nothing is being written. */
  private busySinceMs: number | null = null;

  constructor(private readonly gateway: Pick<GatewayState, 'config' | 'numbers' | 'pins' | 'race'>) {}

  /** Writes from now on. What this gives writes the rest and ends it. */
  begin(told: Parameters<typeof every>[2]): () => Promise<void> {
    const end = every(LOOK_MS, () => this.look(), told);
    return async () => {
      end();
      await this.close();
    };
  }

  /** Writes what has been decided since the last time. Throws what the file system says. */
  look(): Promise<void> {
    this.busySinceMs = monotonicMs();
    this.working = this.write(false).finally(() => {
      this.busySinceMs = null;
    });
    return this.working;
  }

  /** A disk that hangs is left behind. */
  private async close(): Promise<void> {
    const last = async (): Promise<void> => {
      await this.working.catch(() => undefined);
      await this.write(true);
      await this.made?.file.close();
    };
    if (this.made === null) return;
    const ended = await within(
      last().then(() => true),
      LAST_MS,
    ).catch(() => true);
    if (ended === null) leaveBehind();
  }

  alarms(): string[] {
    const isStuck = this.busySinceMs !== null && monotonicMs() - this.busySinceMs > STUCK_MS;
    return isStuck ? ['decisions do not get written down: the disk hangs'] : [];
  }

  private async write(isLast: boolean): Promise<void> {
    const { config, race } = this.gateway;
    const file = await this.follow(config.log.decisions);
    this.hasLooked = true;
    if (file === null || race === null || race.hasEnded) return;
    if (this.next === TO_COME) this.next = (await race.decisionPart(TO_COME, 0, false)).part.next;
    for (let n = 0; n < PARTS; n++) {
      const { part, originMs } = await race.decisionPart(this.next, PART, isLast);
      this.next = part.next;
      this.miss(part.missed);
      if (part.count > 0) await this.add(file, part, originMs);
      if (part.count === 0) break;
    }
    if (this.untold > 0) await this.addText(file, '', 0);
  }

  /** The file as the configuration has it now; null: none. */
  private async follow(wanted: DecisionLogConfig | null): Promise<RotatingFile | null> {
    const by = JSON.stringify(wanted);
    if (this.made?.by === by) return this.made.file;
    const old = this.made;
    this.made = wanted === null ? null : { by, file: new RotatingFile(wanted) };
    // What was decided while nothing was to be written is not wanted.
    if (old === null && this.hasLooked) this.next = TO_COME;
    await old?.file.close();
    return this.made?.file ?? null;
  }

  private add(file: RotatingFile, part: DecisionPart, originMs: number): Promise<void> {
    let lines = '';
    for (let i = 0; i < part.count; i++) {
      const record = readDecision(part.columns, i, part.routes, part.next - part.count + i);
      lines += `${JSON.stringify(toDecision(record, this.gateway, originMs))}\n`;
    }
    return this.addText(file, lines, part.count);
  }

  private async addText(file: RotatingFile, lines: string, count: number): Promise<void> {
    const { untold } = this;
    const missed =
      untold === 0 ? '' : `${JSON.stringify({ time: dateText(monotonicMs()), missed: untold })}\n`;
    try {
      await file.add(missed + lines);
    } catch (error) {
      this.miss(count);
      throw error;
    }
    this.untold -= untold;
    this.counts.written += count;
  }

  private miss(count: number): void {
    this.counts.missed += count;
    this.untold += count;
  }
}
