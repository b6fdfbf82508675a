import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Lab tests whose time goes by in waiting, and that measure no times shorter than a SYN repeat: several at once. */
const WAITING = [
  'conformance',
  'gateway-affinity',
  'gateway-bad-input',
  'gateway-beside-main',
  'gateway-broken',
  'gateway-fail-open',
  'gateway-failover',
  'gateway-fast-path',
  'gateway-files',
  'gateway-inbound',
  'gateway-installed-over',
  'gateway-kernel-owns',
  'gateway-local',
  'gateway-many',
  'gateway-names',
  'gateway-payload',
  'gateway-providers',
  'gateway-reload',
  'gateway-report',
  'gateway-resolvers',
  'gateway-rest',
  'gateway-routes',
  'gateway-rules',
  'gateway-services',
  'gateway-without-lan',
  'kernel-conntrack',
  'kernel-elements',
  'kernel-jhash',
  'kernel-links',
  'kernel-state',
].map((name) => `test/lab/${name}.test.ts`);

/** Of the same kind: what else the gateway can do. A part of its own, which `npm test` leaves out and the continuous integration does not. */
const WIDE = [
  'gateway-absent',
  'gateway-api',
  'gateway-bounds',
  'gateway-checks',
  'gateway-commands',
  'gateway-guard',
  'gateway-h323',
  'gateway-habits',
  'gateway-local-payload',
  'gateway-mtu',
  'gateway-oddities',
  'gateway-output',
  'gateway-polite',
  'gateway-ports',
  'gateway-protect',
  'gateway-settings',
  'gateway-sip',
  'gateway-tunnels',
  'gateway-what-if',
  'init',
  'kernel-checks',
  'kernel-sessions',
].map((name) => `test/lab/${name}.test.ts`);

/**
 * They walk through every moment, every call that may fail, every criterion or every neighbour: minutes each, so they have a command of their
 * own, `npm run test:long`.
 */
const LONG = [
  'fuzz',
  'gateway-asked',
  'gateway-clean-up',
  'gateway-clock',
  'gateway-converted',
  'gateway-criteria',
  'gateway-criteria-failing',
  'gateway-decision-log',
  'gateway-ends',
  'gateway-failback',
  'gateway-faults',
  'gateway-firewall',
  'gateway-foreign-sources',
  'gateway-gives-up',
  'gateway-grace',
  'gateway-guide',
  'gateway-helpers',
  'gateway-ipv6-off',
  'gateway-large-file',
  'gateway-local-choices',
  'gateway-many-flows',
  'gateway-mask',
  'gateway-neighbour-marks',
  'gateway-neighbours',
  'gateway-no-route',
  'gateway-one-switch',
  'gateway-own-snat',
  'gateway-path-mtu',
  'gateway-path-mtu-long',
  'gateway-patience',
  'gateway-patience-long',
  'gateway-payload-long',
  'gateway-pools',
  'gateway-port-exhaustion',
  'gateway-proof-of-life',
  'gateway-quota',
  'gateway-reload-fates',
  'gateway-reload-faults',
  'gateway-reload-maps',
  'gateway-return',
  'gateway-route-storm',
  'gateway-router-preference',
  'gateway-same-subnet',
  'gateway-signals',
  'gateway-store',
  'gateway-streams',
].map((name) => `test/lab/${name}.test.ts`);

/** What takes longest begins first: at the end nobody waits for one that began last. A small file may take long, and vitest goes by size. */
const LONGEST = [
  'lab/gateway-failover',
  'lab/conformance',
  'lab/gateway-commands',
  'lab/gateway-reload',
  'lab/gateway-payload',
  'lab/gateway-absent',
  'sim/negative-matrix',
  'unit/config-property',
  'unit/config',
  'property/engine',
  'sim/lost-packet-matrix',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return at < 0 ? LONGEST.length : at;
    };
    return [...(await super.sort(files))].sort((left, right) => rank(left) - rank(right));
  }
}

const LAB = {
  testTimeout: 180_000,
  hookTimeout: 120_000,
  // They keep nothing between files either, and each process of its own is half a second of computing.
  isolate: false,
  // Real time on a shared machine: one more try, which the report shows as a retry.
  retry: 1,
};

/** Hundreds of gateways are started where nobody measures the time of a first connection. */
const UNREHEARSED = { PATHRACE_REHEARSAL: 'no' };

/**
 * `lab` needs root and network namespaces and runs one file at a time, `long` and `browser` as well, `waiting` and `wide` several; `fast` is everything else
 * and needs nothing.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/browser/**', 'test/package/**'],
          // They keep nothing between files; to load everything anew for each takes half of the time.
          isolate: false,
          // They compute: one for each processor. Of itself vitest leaves one processor to itself, which is half of a small machine.
          maxWorkers: '100%',
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...LAB,
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          exclude: [...WAITING, ...WIDE, ...LONG],
          fileParallelism: false,
        },
      },
      { test: { ...LAB, name: 'waiting', include: WAITING, maxWorkers: 3, env: UNREHEARSED } },
      { test: { ...LAB, name: 'wide', include: WIDE, maxWorkers: 3, env: UNREHEARSED } },
      // What `npm run test:package` has built: one installation after the other, so a second try would meet what the first has left.
      {
        test: {
          ...LAB,
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          retry: 0,
          fileParallelism: false,
        },
      },
      {
        test: { ...LAB, name: 'browser', include: ['test/browser/**/*.test.ts'], fileParallelism: false },
      },
      { test: { ...LAB, name: 'long', include: LONG, fileParallelism: false, env: UNREHEARSED } },
    ],
  },
});
