/** A lab for `win: first-payload`: servers whose first words matter, and who asks them: a client of the LAN, or the gateway itself. */
import type { OpeningPlan, OpeningResult, OpeningServer } from '../../../lab/children/opening.js';
import type { ConfigOverrides } from '../../../lab/index.js';
import type { Link } from '../../../src/sim/scenario.js';
import { type GatewayLab, NEAR, withGateway } from './gateway-lab.js';

export const WEB = 80;
/** Bytes each way. */
export const MANY = 100_000_000;

export const OPENING_CONFIG = {
  services: [{ name: 'web', match: { tcp: 'any' }, select: 'race', win: 'first-payload', affinity: 'none' }],
  memory: { trust: '0s' },
};

export interface OpeningLab {
  readonly made: GatewayLab;
  listen(server: Partial<OpeningServer>): Promise<void>;
  say(plan: Partial<OpeningPlan>): Promise<OpeningResult>;
  heard(): Promise<{ remoteAddress: string; bytes: number; error?: string }[]>;
}

export interface OpeningLabOptions {
  readonly config?: ConfigOverrides;
  /** Who opens connections; default the client. */
  readonly by?: 'client' | 'gateway';
}

export async function withLinks(
  links: readonly Partial<Link>[],
  action: (made: OpeningLab) => Promise<void>,
  { config = OPENING_CONFIG, by = 'client' }: OpeningLabOptions = {},
): Promise<void> {
  const providers = links.map((link, index) => ({ name: `p${index + 1}`, link }));
  await withGateway({ providers }, { config }, async (made) => {
    const server = made.lab.server().child('children/opening');
    const client = (by === 'client' ? made.lab.client() : made.lab.gateway).child('children/opening');
    await action({
      made,
      listen: (one) => server.ask('listen', { port: WEB, ...one }),
      say: (plan) => client.ask('say', { address: NEAR, port: WEB, ...plan }),
      heard: () => server.ask('heard'),
    });
    await client.stop();
    await server.stop();
  });
}

export const delays = (...list: number[]) => list.map((delayMs) => ({ delayMs }));
export const first = async (made: GatewayLab, address = NEAR) => (await made.why(address))[0];

/** What comes by a provider goes to another port: to a program in the place of the server. */
export async function divert({ lab }: GatewayLab, number: number, port: number): Promise<void> {
  const table = `table inet divert${number} {
    chain in {
      type nat hook prerouting priority dstnat;
      ip saddr 203.0.${number}.0/24 tcp dport ${WEB} redirect to :${port}
      ip6 saddr fd03:${number}::/64 tcp dport ${WEB} redirect to :${port}
    }
  }`;
  await lab.server().must(['nft', '-f', '-'], { input: table });
}

/** Scales of windows that servers agree on. */
export const SCALES = [null, 0, 2, 7, 14];

/** The largest receive buffer makes the scale (tcp_select_initial_window in net/ipv4/tcp_output.c). */
export function scaleSettings(scale: number | null): string[] {
  return scale === null
    ? ['net.ipv4.tcp_window_scaling=0']
    : ['net.ipv4.tcp_window_scaling=1', `net.ipv4.tcp_rmem=4096 65536 ${2 ** (15 + scale)}`];
}
