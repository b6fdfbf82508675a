/** What `doctor` looks for on a machine, and what it found. */
import type { GatewayConfig } from './config.js';

/** One line of `doctor`. */
export interface Probe {
  /** Stable, for programs. */
  readonly name: string;
  readonly ok: boolean;
  /** `required`: no gateway without it. `recommended`: works less well. `info`: the gateway sees to it. */
  readonly severity: 'required' | 'recommended' | 'info';
  readonly found: string;
  readonly expected: string;
  /** What to do when it is not ok. */
  readonly remedy: string;
}

/** What a configuration adds to look for. */
export interface ProbeTarget {
  /** The configuration whose settings are compared. */
  readonly config: GatewayConfig;
  /** Interfaces that are looked for. */
  readonly interfaces: readonly string[];
}
