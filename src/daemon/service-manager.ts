/**
 * What the gateway tells the manager that has started it (systemd, `Type=notify`): that it works, reads its configuration, ends, what it
 * does; and, as long as its event loop turns, that it lives.
 */

/** Of the environment; absent ones say that nobody wants to hear. */
export interface ManagerEnv {
  NOTIFY_SOCKET?: string | undefined;
  WATCHDOG_USEC?: string | undefined;
  WATCHDOG_PID?: string | undefined;
}

export interface ManagerIo {
  /** Sends one datagram to a socket; whether it has arrived. */
  send(path: string, text: string): boolean;
  /** CLOCK_MONOTONIC, microseconds. */
  monotonicMicros(): bigint;
  readonly pid: number;
}

/** Between two looks at what there is to say, when there is no watchdog. */
const STATUS_MS = 10_000;

/** How often, and how many times, what was not heard is told again. */
const AGAIN_MS = 50;
const AGAIN_TIMES = 100;
const MOST_UNTOLD = 16;

/** Signs of life in the time in which one is due: two may be lost. */
const SIGNS = 3;

export class ServiceManager {
  private readonly path: string | null;
  private readonly watchdogMs: number | null;
  private timer: NodeJS.Timeout | null = null;
  private status = '';
  private reloads = 0;
  // BOUNDED: MOST_UNTOLD, the oldest gives way.
  private readonly untold: string[] = [];
  private again: NodeJS.Timeout | null = null;

  constructor(
    env: ManagerEnv,
    private readonly io: ManagerIo,
  ) {
    this.path = env.NOTIFY_SOCKET || null;
    this.watchdogMs = watchdogMs(env, io.pid);
  }

  /** It works: who waits for it may go on. From now on `describe` is asked every few seconds. */
  ready(describe: () => string): void {
    this.tell(`READY=1\n${this.statusLine(describe)}`);
    if (this.path === null) return;
    const everyMs = this.watchdogMs === null ? STATUS_MS : this.watchdogMs / SIGNS;
    // A loop that does not turn sends nothing: that is the point.
    this.timer = setInterval(() => this.sign(describe), everyMs);
    this.timer.unref();
    this.sign(describe);
  }

  /** Around a reload, also one that the manager has not asked for. */
  async reloading<T>(work: () => Promise<T>): Promise<T> {
    this.reloads++;
    this.tell(`RELOADING=1\nMONOTONIC_USEC=${this.io.monotonicMicros()}`);
    try {
      return await work();
    } finally {
      this.reloads--;
      if (this.reloads === 0) this.tell('READY=1');
    }
  }

  /** Told to end, or giving up. Signs of life go on until the process ends. */
  stopping(why: string): void {
    this.tell(`STOPPING=1\nSTATUS=${oneLine(why)}`);
  }

  /** Says nothing any more. */
  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    if (this.again !== null) clearTimeout(this.again);
    this.timer = null;
  }

  private sign(describe: () => string): void {
    const status = this.statusLine(describe);
    const life = this.watchdogMs === null ? '' : 'WATCHDOG=1';
    const text = [life, status].filter((part) => part !== '').join('\n');
    // The next one comes soon.
    if (text !== '' && this.untold.length === 0) this.tell(text);
  }

  /** Empty while it says the same as before. */
  private statusLine(describe: () => string): string {
    const status = oneLine(describe());
    if (status === this.status) return '';
    this.status = status;
    return `STATUS=${status}`;
  }

  /** What is not heard at once is told again, in its order: a manager that is busy must not miss that a reload is over. */
  private tell(text: string): void {
    if (this.path === null) return;
    if (this.untold.length === MOST_UNTOLD) this.untold.shift();
    this.untold.push(text.trimEnd());
    this.tellAll(this.path, AGAIN_TIMES);
  }

  private tellAll(path: string, times: number): void {
    if (this.again !== null) clearTimeout(this.again);
    this.again = null;
    while (this.untold.length > 0 && this.io.send(path, this.untold[0] ?? '')) this.untold.shift();
    if (this.untold.length === 0) return;
    if (times === 0) this.untold.length = 0;
    else this.again = setTimeout(() => this.tellAll(path, times - 1), AGAIN_MS).unref();
  }
}

/** null: none, or it is another process's. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: ManagerEnv, pid: number): number | null {
  const micros = /^\d{1,15}$/.test(WATCHDOG_USEC ?? '') ? Number(WATCHDOG_USEC) : 0;
  const isOurs = !WATCHDOG_PID || WATCHDOG_PID === String(pid);
  return micros > 0 && isOurs ? micros / 1000 : null;
}

function oneLine(text: string): string {
  return text.replace(/[\0-\x1f\x7f]+/g, ' ').slice(0, 1000);
}
