/** What is gone for a moment: a default route, an address that a DHCP client renews, one that becomes deprecated. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigOverrides, Lab } from '../../../lab/index.js';
import { gateway } from '../subjects.js';
import {
  type ChoiceCase,
  choosing,
  connect,
  NAT,
  ORDER,
  PRIORITY,
  providers,
  RACED,
  ROUTER,
  SERVERS6,
  targets,
} from './case.js';

const DELAYS = { a: 5, b: 15 };
/** Beyond the grace of five seconds: nothing is cut afterwards either. */
const BEYOND_GRACE_MS = 7000;
const DEFAULT = 'default via 203.0.1.1 dev wan1 metric 101';
const AUTO: ConfigOverrides = { routes: { a: { addresses: 'auto', gateway: 'auto' } } };
const LEASED = gateway('priority, addresses by DHCP', choosing(ORDER, AUTO));

export const GRACE: readonly ChoiceCase[] = [
  {
    name: 'no default route for 10 ms',
    scenario: providers(DELAYS),
    subjects: [NAT, PRIORITY, RACED],
    held: { count: 8 },
    before: async ({ lab }) => {
      await ip(lab, `ip route del ${DEFAULT}; sleep 0.01; ip route add ${DEFAULT}`);
      await sleep(2000);
    },
    run: async ({ lab }) => ({ results: await connect(lab, { count: 8 }) }),
    wanted: 'a',
    elsewhereAtMost: 0,
  },
  {
    name: 'a DHCP renewal removes the address and adds it again',
    scenario: providers(DELAYS),
    subjects: [ROUTER, LEASED],
    held: { count: 8, bytes: 1 },
    before: async ({ lab }) => {
      const address = '203.0.1.2/24 dev wan1';
      await ip(lab, `ip addr del ${address}; ip addr add ${address}; ip route replace ${DEFAULT}`);
      // Clients go on; with their answers the provider proves itself.
      await connect(lab, { count: 14, rate: 2 });
    },
    run: async ({ lab }) => ({ results: await connect(lab, { count: 16 }) }),
    wanted: 'a',
    elsewhereAtMost: 0,
  },
  {
    name: 'an IPv6 address becomes deprecated',
    scenario: providers(DELAYS),
    subjects: [ROUTER, LEASED],
    held: { count: 8, bytes: 1, to: SERVERS6[0]! },
    before: async ({ lab }) => {
      await ip(lab, lifetime('preferred_lft 0 valid_lft 3600'));
      await sleep(BEYOND_GRACE_MS);
    },
    async run({ lab }) {
      const results = await connect(lab, { targets: targets(SERVERS6), count: 8 });
      await ip(lab, lifetime('preferred_lft forever valid_lft forever'));
      return { results };
    },
    // Nothing new begins with it (RFC 4862 section 5.5.4); a router has no other.
    wanted: 'b',
    elsewhereAtMost: 0,
  },
];

function lifetime(words: string): string {
  return `ip -6 addr change fd03:1::2/64 dev wan1 ${words}`;
}

async function ip(lab: Lab, script: string): Promise<void> {
  await lab.gateway.must(['sh', '-c', script]);
}
