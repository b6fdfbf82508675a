/** Sessions of the connection table, told to the engine while one of its criteria counts them. */
import type { Event } from '../core/contract.js';
import type { Engine } from '../core/engine.js';
import type { Boundary } from './boundary.js';
import { type Marks, routeOfMark, serviceOfMark } from './marks.js';
import { SessionEvents } from './session-events.js';

/** What events cannot tell (see session-events.ts) is right again after at most this time. */
const RECOUNT_MS = 60_000;

export class SessionCounter {
  private timer: NodeJS.Timeout | null = null;
  private recounting = false;
  /** Events were lost while a recount ran: it has missed them too. */
  private again = false;
  private events: SessionEvents | null = null;
  private readonly event: Event & { kind: 'session' } = {
    kind: 'session',
    begins: true,
    route: 0,
    service: 0,
    counted: false,
  };

  constructor(
    private readonly engine: Pick<Engine, 'countsSessions' | 'count' | 'recount'>,
    private readonly marks: Marks,
    private readonly boundary: Boundary,
    private readonly recountMs = RECOUNT_MS,
  ) {}

  /** Begins or ends to listen, as the engine's services want it. */
  follow(): void {
    if (!this.engine.countsSessions) return this.close();
    if (this.events !== null) return;
    this.events = new SessionEvents(this.marks, {
      begin: (mark) => this.tell(mark, true),
      end: (mark) => this.tell(mark, false),
      lost: () => this.recountAfterLoss(),
      broken: (error) => this.boundary.caught('an event of a connection', error),
    });
    this.timer = setInterval(() => this.recount(), this.recountMs);
    this.recount();
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.events?.close();
    this.events = null;
  }

  private tell(mark: number, begins: boolean): void {
    const { event, marks } = this;
    event.begins = begins;
    event.route = routeOfMark(marks, mark);
    event.service = serviceOfMark(marks, mark);
    event.counted = (mark & marks.counted) !== 0;
    this.engine.count(event);
  }

  private recountAfterLoss(): void {
    this.again = this.recounting;
    this.recount();
  }

  private recount(): void {
    if (this.recounting || this.events === null) return;
    this.recounting = true;
    this.events
      .recount((sessions) => this.replace(sessions))
      .catch((error: unknown) => this.boundary.caught('a count of connections', error))
      .finally(() => {
        this.recounting = false;
        if (!this.again) return;
        this.again = false;
        this.recount();
      });
  }

  private replace(sessions: ReadonlyMap<number, number>): void {
    const { marks } = this;
    const counts = [];
    for (const [mark, count] of sessions)
      counts.push({ route: routeOfMark(marks, mark), service: serviceOfMark(marks, mark), count });
    this.engine.recount(counts);
  }
}
