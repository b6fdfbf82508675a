/** A lab with a gateway that distributes its own connections: three providers, the main table's default by a, the nearest b. */
import { afterAll, beforeAll } from 'vitest';
import {
  type Connector,
  type ConnectPlan,
  type ConnectResult,
  connectorOn,
  type WirePacket,
} from '../../../lab/index.js';
import { GatewayLab, NEAR, NEAR6 } from './gateway-lab.js';

export const PORT = 7;
/** Other ports of the same server. */
export const OTHERS = [8, 9] as const;
export const FAMILIES = [4, 6] as const;
export const PROVIDERS = [
  { name: 'a', link: { delayMs: 40 } },
  { name: 'b', link: { delayMs: 10 } },
  { name: 'c', link: { delayMs: 80 } },
];
export const RACE = { name: 'all', match: 'any', select: 'race', affinity: 'none' };
export const CONFIG = { lan: ['lan0', 'local'], services: [RACE] };
export const TARGETS = {
  4: { address: NEAR, port: PORT },
  6: { address: NEAR6, port: PORT },
} as const;
/** Of the gateway, at provider c. */
export const BOUND = { 4: '203.0.3.2', 6: 'fd03:3::2' } as const;

/** One for all tests of the file that calls this, as they begin and end; `use` gets it first. */
export function ownLab(use: (own: OwnLab) => void): void {
  let own: OwnLab | undefined;
  beforeAll(async () => {
    own = await OwnLab.start();
    use(own);
  });
  afterAll(() => own?.stop());
}

export class OwnLab {
  private constructor(
    readonly made: GatewayLab,
    /** On the gateway itself. */
    readonly connector: Connector,
  ) {}

  static async start(): Promise<OwnLab> {
    const options = { config: CONFIG as never, topologyChanges: true };
    const made = await GatewayLab.start({ providers: PROVIDERS }, options);
    await made.lab.server().echo({ ports: [PORT, ...OTHERS] });
    return new OwnLab(made, connectorOn(made.lab.gateway));
  }

  /** Connections of the gateway itself; the wire's record begins with them. */
  async open(plan: ConnectPlan): Promise<ConnectResult[]> {
    await this.made.lab.wire.reset();
    return this.connector.run(plan);
  }

  /** Packets that the daemon has been asked about. */
  async queued(): Promise<number> {
    return Number((await this.made.status()).packets.queue.lan);
  }

  async stop(): Promise<void> {
    await this.connector.stop();
    await this.made.stop();
  }
}

export function providersOf(packets: readonly WirePacket[]): string[] {
  return packets.map(({ provider }) => provider).sort();
}
