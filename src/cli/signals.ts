/**
 * Signals of a process that runs for long. Every signal that would end it has a meaning here from the first moment on: none ends
 * it halfway, and none opens Node's debugger.
 */
import inspector from 'node:inspector';

/** SIGQUIT ends for a restart; the others end for good, also when a SIGQUIT was there before. */
const ENDS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
/** They would end the process, and mean nothing to it. SIGUSR1 would open the debugger. */
export const IGNORED_SIGNALS = [
  'SIGUSR1',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGVTALRM',
  'SIGPROF',
  'SIGIO',
  'SIGPWR',
  'SIGSTKFLT',
  'SIGXCPU',
  'SIGXFSZ',
] as const;

export type EndSignal = (typeof ENDS)[number];

export class Signals {
  /** The first signal that ends. */
  readonly ended: Promise<EndSignal>;
  /** Whether one has come. */
  hasEnded = false;
  /** Whether nothing but SIGQUIT has come: ask as late as possible. */
  keeps = true;

  private reload: (() => void) | null = null;
  private reloadWaits = false;

  constructor(on: (signal: NodeJS.Signals, action: () => void) => unknown) {
    for (const signal of IGNORED_SIGNALS) on(signal, () => {});
    on('SIGHUP', () => {
      if (this.reload === null) this.reloadWaits = true;
      else this.reload();
    });
    this.ended = new Promise((resolve) => {
      for (const signal of ENDS)
        on(signal, () => {
          this.hasEnded = true;
          if (signal !== 'SIGQUIT') this.keeps = false;
          resolve(signal);
        });
    });
  }

  /** Calls `action` for every SIGHUP from now on, and once for those before: what was read by then may be older. */
  onReload(action: () => void): void {
    this.reload = action;
    if (this.reloadWaits) action();
    this.reloadWaits = false;
  }
}

/** The signals of this process. Call it before anything else. */
export function takeSignals(): Signals {
  const signals = new Signals((signal, action) => process.on(signal, action));
  closeDebugger();
  // One that came before the line above takes effect a turn later.
  setTimeout(closeDebugger, 50).unref();
  return signals;
}

/** The debugger serves every local user. Who wants it says so on the command line. */
function closeDebugger(): void {
  const asked = /--inspect/.test(`${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`);
  if (!asked && inspector.url() !== undefined) inspector.close();
}
