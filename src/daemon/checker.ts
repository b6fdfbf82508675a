/** The routes' own checks: started and stopped with their routes, one per family, so that a dead IPv6 is not hidden by IPv4. */
import { type CheckRound, startCheck } from '../kernel/checks/check.js';
import type { CheckedRoute } from '../kernel/checks/route-socket.js';
import { monotonicMs } from '../kernel/clock.js';
import { type Marks, routeMark } from '../kernel/marks.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import type { Family } from '../model/address.js';
import type { CheckConfig } from '../model/config.js';

/** What the last rounds of a route said. */
export interface CheckState {
  readonly ok: boolean;
  readonly rttMicros: number | null;
  /** Monotonic time, milliseconds; null: never. */
  readonly lastOkMs: number | null;
}

export class Checker {
  // BOUNDED: two per route.
  private readonly running = new Map<string, { readonly made: string; close(): void }>();
  private readonly states = new Map<string, CheckState>();

  constructor(
    private readonly marks: Marks,
    private readonly onRound: (route: ResolvedRoute, family: Family, round: CheckRound) => void,
  ) {}

  /** Brings the checks to the routes as they are. */
  follow(routes: readonly ResolvedRoute[]): void {
    const wanted = new Map<string, () => void>();
    for (const route of routes) {
      for (const family of [4, 6] as const) {
        const check = ofFamily(route.config.check, family);
        const carried = route[family === 4 ? 'ipv4' : 'ipv6'];
        if (check === null || carried === null) continue;
        const key = `${route.config.name} ${family}`;
        const made = JSON.stringify([route.number, route.config.interface, carried, check]);
        wanted.set(key, () => this.start(key, made, route, family, check));
        if (this.running.get(key)?.made === made) wanted.set(key, () => {});
        else this.stop(key);
      }
    }
    for (const key of [...this.running.keys()]) if (!wanted.has(key)) this.stop(key);
    for (const start of wanted.values()) start();
  }

  /** null: the route has no checks, or none can run now. */
  stateOf(name: string): CheckState | null {
    const states = [4, 6]
      .map((family) => this.states.get(`${name} ${family}`))
      .filter((s) => s !== undefined);
    if (states.length === 0) return null;
    const lastOk = Math.max(...states.map(({ lastOkMs }) => lastOkMs ?? 0));
    return {
      ok: states.some(({ ok }) => ok),
      rttMicros: states.find(({ rttMicros }) => rttMicros !== null)?.rttMicros ?? null,
      lastOkMs: lastOk === 0 ? null : lastOk,
    };
  }

  close(): void {
    for (const key of [...this.running.keys()]) this.stop(key);
  }

  private start(key: string, made: string, route: ResolvedRoute, family: Family, check: CheckConfig): void {
    const target = checkedRoute(this.marks, route, family);
    const { close } = startCheck(target, check, (round) => {
      const before = this.states.get(key);
      this.states.set(key, {
        ok: round.answered,
        rttMicros: round.rttMicros ?? before?.rttMicros ?? null,
        lastOkMs: round.answered ? monotonicMs() : (before?.lastOkMs ?? null),
      });
      this.onRound(route, family, round);
    });
    this.running.set(key, { made, close });
  }

  private stop(key: string): void {
    this.running.get(key)?.close();
    this.running.delete(key);
    this.states.delete(key);
  }
}

/** A family of a route as questions by it need it. */
export function checkedRoute(
  marks: Marks,
  { number, config, ipv4, ipv6 }: ResolvedRoute,
  family: Family,
): CheckedRoute {
  return {
    mark: (marks.held | routeMark(marks, number)) >>> 0,
    interface: config.interface,
    ipv4: family === 4 ? ipv4 : null,
    ipv6: family === 6 ? ipv6 : null,
  };
}

/** The check with the targets of one family; null when there are none. */
export function ofFamily(check: CheckConfig | null, family: Family): CheckConfig | null {
  if (check === null) return null;
  const targets = check.targets.filter(({ address }) => address.includes(':') === (family === 6));
  return targets.length === 0 ? null : { ...check, targets };
}
