/** Sessions of the connection table, told to the engine while one of its criteria counts them. */
import type { Engine } from '../core/engine.js';
import type { Input } from '../core/engine-types.js';
import { MARK, routeOfMark, serviceOfMark } from './constants.js';
import { SessionEvents } from './session-events.js';

/** What events cannot tell (see session-events.ts) is right again after at most this time. */
const RECOUNT_MS = 60_000;

export class SessionCounter {
  private timer: NodeJS.Timeout | null = null;
  private recounting = false;
  private events: SessionEvents | null = null;
  private readonly input: Input & { kind: 'session' } = {
    kind: 'session',
    begins: true,
    route: 0,
    service: 0,
    counted: false,
  };

  constructor(private readonly engine: Engine) {}

  /** Begins or ends to listen, as the engine's services want it. */
  follow(): void {
    if (!this.engine.countsSessions) return this.close();
    if (this.events !== null) return;
    this.events = new SessionEvents(
      (mark) => this.tell(mark, true),
      (mark) => this.tell(mark, false),
      () => void this.recount(),
    );
    this.timer = setInterval(() => void this.recount(), RECOUNT_MS);
    void this.recount();
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.events?.close();
    this.events = null;
  }

  private tell(mark: number, begins: boolean): void {
    const { input } = this;
    input.begins = begins;
    input.route = routeOfMark(mark);
    input.service = serviceOfMark(mark);
    // A recount begins with nothing: then those count, too, that the engine has counted when it chose.
    input.counted = !this.recounting && (mark & MARK.COUNTED) !== 0;
    this.engine.count(input);
  }

  private async recount(): Promise<void> {
    if (this.recounting || this.events === null) return;
    this.recounting = true;
    await this.events.recount(() => this.engine.recount([]));
    this.recounting = false;
  }
}
