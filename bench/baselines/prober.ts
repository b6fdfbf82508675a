/** How each product finds out that a route is dead: pings from the gateway itself, bound to the route's interface. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab, Task } from '../../lab/index.js';
import type { Wan } from './baseline.js';
import { type DpingerSettings, LossWindow } from './dpinger.js';

/** Seconds, as the products write them. */
export type ProberKind =
  /**
   * mwan3track, one per route: ask up to `targets` addresses until `reliability` have answered, then rest. `down` failed rounds in
   * a row take the route out, `up` good ones put it back.
   */
  | {
      readonly kind: 'rounds';
      readonly interval: number;
      readonly timeout: number;
      readonly down: number;
      readonly up: number;
      readonly reliability: number;
      readonly targets: number;
    }
  /** VyOS: one loop over all routes, one question each; one failure or success decides. */
  | { readonly kind: 'loop'; readonly pause: number; readonly timeout: number }
  | { readonly kind: 'dpinger'; readonly settings: DpingerSettings };

export interface Prober {
  stop(): Promise<void>;
}

type Report = (route: string, up: boolean) => void;

/** Every route counts as up in the beginning; `report` hears of each judgement, also one that changes nothing. */
export function startProber(
  kind: ProberKind,
  lab: Lab,
  wans: readonly Wan[],
  monitors: readonly string[],
  report: Report,
): Prober {
  const end = new AbortController();
  const ping = (wan: Wan, address: string, timeout: number): Promise<boolean> =>
    pingOnce(lab, wan, address, timeout, end.signal);
  const rest = (seconds: number): Promise<void> => pause(seconds, end.signal);
  const loops = start();

  function start(): Promise<void>[] {
    switch (kind.kind) {
      case 'rounds':
        return wans.map((wan) => rounds(kind, wan));
      case 'loop':
        return [loop(kind)];
      case 'dpinger':
        return wans.map((wan) =>
          dpinger(lab, wan, monitorOf(monitors, wan), kind.settings, report, end.signal),
        );
    }
  }

  async function rounds(settings: ProberKind & { kind: 'rounds' }, wan: Wan): Promise<void> {
    const best = settings.up + settings.down;
    let score = best;
    while (!end.signal.aborted) {
      let answers = 0;
      for (const address of monitors.slice(0, settings.targets)) {
        if (answers < settings.reliability && (await ping(wan, address, settings.timeout))) answers++;
      }
      if (end.signal.aborted) return;
      // Up again is as good as new, down is at the bottom: what counts in between are rounds in a row.
      if (answers >= settings.reliability) score = score + 1 >= settings.up ? best : score + 1;
      else score = score - 1 > settings.up ? score - 1 : 0;
      if (score === best || score === 0) report(wan.name, score === best);
      await rest(settings.interval);
    }
  }

  async function loop(settings: ProberKind & { kind: 'loop' }): Promise<void> {
    while (!end.signal.aborted) {
      await rest(settings.pause);
      for (const wan of wans) {
        const answered = await ping(wan, monitorOf(monitors, wan), settings.timeout);
        if (end.signal.aborted) return;
        report(wan.name, answered);
      }
    }
  }

  return {
    async stop() {
      end.abort();
      await Promise.all(loops);
    },
  };
}

function monitorOf(monitors: readonly string[], wan: Wan): string {
  return monitors[(wan.id - 1) % monitors.length] as string;
}

/** One question, by the system's ping. */
async function pingOnce(
  lab: Lab,
  wan: Wan,
  address: string,
  timeout: number,
  signal: AbortSignal,
): Promise<boolean> {
  const task = lab.gateway.spawn([
    ...['ping', '-n', '-q', '-c', '1', '-W', `${timeout}`, '-s', '56', '-t', '60', '-I', wan.device, address],
  ]);
  const stop = (): void => task.signal('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  const { code } = await task.done;
  signal.removeEventListener('abort', stop);
  return code === 0;
}

/** One process that asks all the time; the window begins full of answers, as it is after a minute of service. */
async function dpinger(
  lab: Lab,
  wan: Wan,
  address: string,
  settings: DpingerSettings,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const window = new LossWindow(settings);
  const startedAt = performance.now();
  // ping numbers its questions from 1; those before the start get the numbers below.
  const before = window.slots;
  for (let number = 0; number <= before; number++) {
    const at = startedAt - (before - number) * settings.sendMs;
    window.sent(number, at);
    window.answered(number, at + 1);
  }
  const task: Task = lab.gateway.spawn([
    ...['ping', '-n', '-O', '-i', `${settings.sendMs / 1000}`, '-I', wan.device, address],
  ]);
  let last = 0;
  readLines(task, (line) => {
    const sequence = Number(/icmp_seq=(\d+)/.exec(line)?.[1] ?? 0);
    // "no answer yet for icmp_seq=n" is printed when n + 1 leaves; an answer to n has its time.
    const sent = line.startsWith('no answer') ? sequence + 1 : sequence;
    const now = performance.now();
    const roundTrip = Number(/time=([\d.]+)/.exec(line)?.[1] ?? Number.NaN);
    for (; last < sent; last++)
      window.sent(before + last + 1, now - (Number.isNaN(roundTrip) ? 0 : roundTrip));
    if (!Number.isNaN(roundTrip)) window.answered(before + sequence, now);
  });
  while (!signal.aborted) {
    await pause(settings.alertMs / 1000, signal);
    if (!signal.aborted) report(wan.name, !window.alarm(performance.now()));
  }
  await task.stop(1000);
}

function readLines(task: Task, take: (line: string) => void): void {
  let rest = '';
  task.child.stdout?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
}

/** Ends early, and without complaint, when the prober is stopped. */
async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal }).catch(() => {});
}
