/** A real gateway with its page, three providers and traffic, for tests in a browser. */
import { join } from 'node:path';
import { writeTokens } from '../../../src/api/token-file.js';
import { makeToken, type TokenRole } from '../../../src/api/tokens.js';
import { FAR, GatewayLab, NEAR, NEAR6 } from '../../lab/support/gateway-lab.js';

export const PORT = 7;
/** As the daemon's own documentation has it. */
export const ORIGIN = 'http://127.0.0.1:8088';

const SCENARIO = {
  servers: [{ name: 'near' }, { name: 'far' }],
  providers: [
    { name: 'a', link: { delayMs: 20 } },
    { name: 'b', link: { delayMs: 5 } },
    { name: 'c', link: { delayMs: 40 } },
  ],
};

export const SERVICES = [
  { name: 'names', match: { udp: 53 }, select: { criterion: 'priority', routes: ['a', 'b'] } },
  { name: 'everything', match: { tcp: 'any' }, select: 'race', affinity: 'none' },
];

export interface Site {
  readonly made: GatewayLab;
  /** What a person types. */
  readonly tokens: Readonly<Record<TokenRole, string>>;
  readonly config: Readonly<Record<string, unknown>>;
}

export async function startSite(): Promise<Site> {
  const made = await GatewayLab.start(SCENARIO, { config: { services: SERVICES }, expectedEvents: [] });
  const file = join(made.lab.directory, 'tokens');
  const [read, operate] = [makeToken('night-shift', 'read'), makeToken('day-shift', 'operate')];
  await writeTokens(file, [read.token, operate.token]);
  const config = {
    api: { listen: [ORIGIN.slice('http://'.length)], tokens: file },
    // Remembered, and raced all the same.
    memory: { trust: '20ms', refresh: 0, store: 'none', stagger: 'never' },
    race: { perDestination: 'none' },
    services: SERVICES,
  };
  await made.restart(config);
  await made.lab.server().echo({ ports: [PORT] });
  return { made, tokens: { read: read.text, operate: operate.text }, config };
}

/** New connections, one after the other, each raced. */
export async function connect({ made }: Site, count: number): Promise<void> {
  const targets = [NEAR, FAR, NEAR6].map((address) => ({ address, port: PORT }));
  await made.lab.client().connect({ targets, count, concurrency: 4, close: 'reset' });
}
