/**
 * The kernel's fast path: established flows pass by all rules. It is declared apart from the ruleset, since an interface may vanish
 * between reading and writing, and a ruleset must not fail for that. To take it away costs a flow nothing: its next packet
 * goes by the rules, and one of them puts it in again.
 */
import { release } from 'node:os';
import { tryNft } from './command.js';
import { CHAIN_FAST } from './constants.js';
import { readObjects } from './nft-read.js';
import { type FastPathState, renderFastPath, renderNoFastPath } from './render-fast-path.js';

/** `why`: what the kernel said, where it is not on although it is wanted. */
export interface FastPathReport {
  readonly state: 'off' | 'on' | 'unavailable';
  readonly why: string | null;
}

/** A kernel that has none does not get one; what else fails may pass. */
const AGAIN_MS = 60_000;
/** Before, a flow that is in it does not notice that its route has changed; tried on these. */
const FIRST_KERNEL = [6, 1] as const;

export class FastPath {
  private report: FastPathReport = { state: 'off', why: null };
  /** What was wanted last, as text; null: nobody knows what there is. */
  private followed: string | null = null;
  private wanted: FastPathState | null = null;
  /** When what is unavailable is tried again. */
  private again = 0;
  /** Who does without it at the moment; and whether it has to come back after that. */
  private holders = 0;
  private isInterrupted = false;
  /** One change after the other: who cuts flows does not wait for who follows links. */
  private changing: Promise<unknown> = Promise.resolve();

  constructor(private readonly kernel: string = release()) {}

  get now(): FastPathReport {
    return this.report;
  }

  /** Brings it to what is wanted; null: off. `lost`: the table is a new one. True when the report became different. */
  follow(wanted: FastPathState | null, lost = false): Promise<boolean> {
    return this.inTurn(async () => {
      const key = keyOf(wanted);
      const isDue = this.report.state === 'unavailable' && performance.now() >= this.again;
      if (!lost && !isDue && key === this.followed) return false;
      const before = JSON.stringify(this.report);
      this.followed = null;
      this.wanted = wanted;
      await this.takeAway();
      await this.declare();
      this.followed = key;
      this.again = performance.now() + AGAIN_MS;
      return JSON.stringify(this.report) !== before;
    });
  }

  /**
   * Does what concerns flows that may be in it while there is none: the kernel deletes no entry of a flow that is (before 6.4). Who follows
   * links meanwhile is not kept waiting.
   */
  async without(action: () => Promise<void>): Promise<void> {
    await this.inTurn(async () => {
      this.holders++;
      if (this.report.state !== 'on') return;
      this.isInterrupted = true;
      await this.takeAway();
    });
    try {
      await action();
    } finally {
      await this.inTurn(async () => {
        this.holders--;
        if (this.isInterrupted) await this.declare();
      });
    }
  }

  /** What is wanted while somebody does without comes when that is over. */
  private async declare(): Promise<void> {
    const { wanted } = this;
    if (this.holders > 0) {
      this.isInterrupted = true;
      return;
    }
    if (wanted === null) return;
    this.isInterrupted = false;
    const why = whyNoFastPath(this.kernel);
    if (why !== null) {
      this.report = { state: 'unavailable', why };
      return;
    }
    const { code, stderr } = await tryNft(renderFastPath(wanted));
    this.report =
      code === 0 ? { state: 'on', why: null } : { state: 'unavailable', why: stderr.trim().split('\n')[0] };
  }

  /** Whoever has left it. */
  private async takeAway(): Promise<void> {
    this.report = { state: 'off', why: null };
    const isThere = readObjects().some(({ kind, name }) => kind === 'chain' && name === CHAIN_FAST);
    if (isThere) await tryNft(renderNoFastPath());
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.changing.then(work);
    this.changing = done.catch(() => undefined);
    return done;
  }
}

/** Why there is none on a kernel, whatever it offers; null: it may be tried. */
export function whyNoFastPath(kernel: string = release()): string | null {
  return isBefore(kernel, FIRST_KERNEL)
    ? `the kernel is ${kernel}, it needs ${FIRST_KERNEL.join('.')}`
    : null;
}

/** Whether a release, `6.1.0-56-amd64` say, is before a version. */
export function isBefore(kernel: string, [major, minor]: readonly [number, number]): boolean {
  const found = /^(\d+)\.(\d+)/.exec(kernel);
  if (found === null) return true;
  const [, first, second] = found.map(Number);
  return first < major || (first === major && second < minor);
}

function keyOf(wanted: FastPathState | null): string {
  if (wanted === null) return 'off';
  return JSON.stringify([
    [...wanted.lan],
    [...wanted.providers],
    wanted.routes,
    wanted.readsDns,
    wanted.signalPorts,
  ]);
}
