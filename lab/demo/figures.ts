/** What was measured: connect times and losses per policy, healthy and with a provider dead. */
import { type Policy, policyName } from './phases.js';

/** Connections that took longer, or never came to be, are lost: the client's kernel has sent its SYN twice by then. */
export const LOST_AFTER_MS = 2000;

export interface Figure {
  readonly connections: number;
  readonly lost: number;
  /** Milliseconds, of those that connected; null when none did. */
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export interface PolicyFigures {
  readonly name: string;
  readonly kind: Policy['kind'];
  /** With all providers healthy; null: not measured. */
  readonly healthy: Figure | null;
  /** With one provider silently dead. */
  readonly dead: Figure | null;
}

/** The samples of one policy in one condition. */
export class Samples {
  #connections = 0;
  #connected = 0;
  #sumMicros = 0;
  // BOUNDED: SAMPLE_LIMIT, the newest; counts and mean are of all.
  readonly #micros: number[] = [];

  add(connected: boolean, micros: number): void {
    this.#connections++;
    if (!connected) return;
    this.#micros[this.#connected++ % SAMPLE_LIMIT] = micros;
    this.#sumMicros += micros;
  }

  get lost(): number {
    return this.#connections - this.#connected;
  }

  figure(): Figure | null {
    if (this.#connections === 0) return null;
    const sorted = Float64Array.from(this.#micros).sort();
    const at = (share: number): number | null => {
      const micros = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
      return micros === undefined ? null : micros / 1000;
    };
    return {
      connections: this.#connections,
      lost: this.lost,
      meanMs: this.#connected === 0 ? null : this.#sumMicros / this.#connected / 1000,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
    };
  }
}

const SAMPLE_LIMIT = 20_000;

/** All samples of a run. */
export class Figures {
  // BOUNDED: policies times two conditions.
  readonly #samples = new Map<string, Samples>();
  readonly #policies: readonly Policy[];

  constructor(providers: readonly string[]) {
    const singles = providers.map((provider): Policy => ({ kind: 'single', provider }));
    this.#policies = [{ kind: 'race' }, ...singles, { kind: 'round-robin' }];
  }

  of(policy: Policy, isDead: boolean): Samples {
    const key = `${policyName(policy)}/${isDead ? 'dead' : 'healthy'}`;
    const samples = this.#samples.get(key) ?? new Samples();
    this.#samples.set(key, samples);
    return samples;
  }

  /** Racing first, then each single provider, then round robin. */
  table(): PolicyFigures[] {
    return this.#policies.map((policy) => ({
      name: policyName(policy),
      kind: policy.kind,
      healthy: this.of(policy, false).figure(),
      dead: this.of(policy, true).figure(),
    }));
  }
}

/** What to expect from a single provider when nobody knows which one: connections and losses added up, means averaged. */
export function anySingle(table: readonly PolicyFigures[]): PolicyFigures | null {
  const singles = table.filter(({ kind }) => kind === 'single');
  const over = (pick: (row: PolicyFigures) => Figure | null): Figure | null => {
    const figures = singles.map(pick).filter((figure) => figure !== null);
    if (figures.length < singles.length || figures.length === 0) return null;
    const sum = (value: (figure: Figure) => number): number =>
      figures.reduce((all, each) => all + value(each), 0);
    const connected = figures.filter(({ meanMs }) => meanMs !== null);
    const mean = connected.reduce((all, { meanMs }) => all + (meanMs ?? 0), 0) / connected.length;
    return {
      connections: sum(({ connections }) => connections),
      lost: sum(({ lost }) => lost),
      meanMs: connected.length === 0 ? null : mean,
      p50Ms: null,
      p95Ms: null,
    };
  };
  const healthy = over((row) => row.healthy);
  const dead = over((row) => row.dead);
  return healthy === null && dead === null ? null : { name: 'any single one', kind: 'single', healthy, dead };
}
