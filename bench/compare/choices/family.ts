/** A family without a route: its only route is down, and the main table would give it to a provider that is not a route for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lab, plainMasquerade } from '../../../lab/index.js';
import { figure } from '../comparison.js';
import { gateway, plain } from '../subjects.js';
import {
  type ChoiceCase,
  connect,
  providers,
  type Ran,
  SERVERS6,
  stateOf,
  targets,
  type World,
} from './case.js';

/** An error that is there before the client's call has let go of its socket is heard by the first repeat of the SYN. */
const AT_ONCE_MS = 2500;
const DEFAULTS = [1, 2].map((i) => `::/0 via fd03:${i}::1 dev wan${i} metric ${100 + i}`);

/** The oracle: it says at once that there is no route. */
const ROUTELESS = plain('plain NAT, no IPv6 route', async (lab) => {
  const nat = await plainMasquerade(lab);
  // The second is gone with its link.
  await lab.gateway.must(['ip', '-6', 'route', 'del', ...DEFAULTS[0]!.split(' ')]);
  return {
    async remove() {
      await nat.remove();
      await lab.gateway.must(['ip', '-6', 'route', 'replace', ...DEFAULTS[0]!.split(' ')]);
    },
  };
});

const FIRST_IPV4_ONLY = gateway('race, a has IPv4 only', {
  routes: { a: { addresses: ['203.0.1.2'], gateway: ['203.0.1.1'] } },
  services: [{ name: 'all', match: { tcp: 'any' }, select: 'race' }],
});

export const FAMILY: readonly ChoiceCase[] = [
  {
    name: 'the only IPv6 route is down, the main table knows another provider',
    scenario: providers({ a: 5, b: 5 }),
    subjects: [ROUTELESS, FIRST_IPV4_ONLY],
    before: async ({ lab, ours }) => {
      // Errors to one host are rare in a kernel as it comes.
      await lab.gateway.sysctl({ 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.icmp.ratelimit': 0 });
      await lab.gateway.must(['ip', 'link', 'set', 'wan2', 'down']);
      const deadline = performance.now() + 5000;
      while (ours && (await stateOf(lab, 'b')).state !== 'down' && performance.now() < deadline)
        await sleep(20);
    },
    run: refused,
    wanted: 'a',
    elsewhereAtMost: 0,
  },
];

/** IPv4 goes on; what became of IPv6 is what is looked at. */
async function refused({ lab }: World): Promise<Ran> {
  await lab.wire.reset();
  const plan = { targets: targets(SERVERS6), concurrency: 1, timeoutMs: 4000 };
  const tried = await connect(lab, plan);
  const errors = [...new Set(tried.map(({ ok, error }) => (ok ? 'made' : (error ?? 'unknown'))))];
  const slowest = Math.max(...tried.map(({ connectMicros }) => connectMicros / 1000));
  const sent = (await lab.wire.trace({ direction: 'out' })).filter(({ destination }) =>
    SERVERS6.includes(destination),
  );
  const results = await connect(lab, { count: 8 });
  await restore(lab);
  const heard = errors.length === 1 && errors[0] === 'ENETUNREACH' && slowest < AT_ONCE_MS;
  return {
    results,
    remarks: [
      { text: `IPv6: ${errors.join(', ')} within ${figure(slowest, 'ms')}`, asWanted: heard },
      { text: `IPv6 packets out: ${sent.length}`, asWanted: sent.length === 0 },
    ],
  };
}

async function restore(lab: Lab): Promise<void> {
  const script = `ip link set wan2 up; ip -6 addr replace fd03:2::2/64 dev wan2 nodad
    ip route replace default via 203.0.2.1 dev wan2 metric 102; ip -6 route replace ${DEFAULTS[1]}`;
  await lab.gateway.must(['sh', '-c', script]);
}
