/**
 * What the operator's rules put on a connection's entry goes on with it, raced or not: a helper that follows FTP, labels. Real FTP
 * (vsftpd, curl) in active mode, in which the server connects to the client: without the helper's NAT it cannot.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../lab/index.js';
import { socketClient } from '../../src/api/client.js';
import { type Beside, besideGateway, besidePlainNat, RACE, TURNS, withRules } from './support/beside.js';
import { FILE_BYTES as BYTES, ftpServer } from './support/files.js';
import { NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';

const SUBJECTS: readonly (readonly [string, () => Promise<Beside>])[] = [
  ['plain NAT', besidePlainNat],
  ['race', () => besideGateway(RACE, { trust: '0s' })],
  ['race, with memory', () => besideGateway(RACE, { trust: '10m' })],
  ['turns', () => besideGateway(TURNS, {})],
];

const PORTS = [21, 2121] as const;
const HELPER = `ct helper follow { type "ftp" protocol tcp; }
  chain before { type filter hook prerouting priority filter;
    tcp dport { ${PORTS.join(', ')} } ct helper set "follow"; }`;

/** Bytes of each of `count` files that were fetched in active mode; -1: it was not. */
async function fetches(lab: Lab, address: string, port: number, count = 3): Promise<number[]> {
  const host = address.includes(':') ? `[${address}]` : address;
  const fetched: number[] = [];
  for (let i = 0; i < count; i++) {
    const { ok, bytes, status } = await lab
      .client()
      .curl(`ftp://${host}:${port}/file`, ['--ftp-port', '-', '--max-time', '4', '--fail']);
    fetched.push(ok && status === 226 ? bytes : -1);
  }
  return fetched;
}

const EVERY = [BYTES, BYTES, BYTES];

/** A client of FTP that asks where the server listens for it, and never goes there; it prints what the server says. */
const ANNOUNCED = `exec 3<>/dev/tcp/${NEAR}/21
  for word in 'USER ftp' 'PASS x' 'EPSV'; do read -r line <&3; echo "$line"; printf '%s\\r\\n' "$word" >&3; done
  exec cat <&3`;

describe.each(SUBJECTS)('beside %s', (name, start) => {
  let beside: Beside;
  let lab: Lab;

  beforeAll(async () => {
    beside = await start();
    lab = beside.lab;
    for (const port of PORTS) await ftpServer(lab, lab.server('near'), port);
    await lab.server('near').echo({ ports: [443] });
  });

  afterAll(async () => {
    await beside?.stop();
  });

  test('active FTP works with a helper, in both families and at another port', async () => {
    await withRules(lab, HELPER, async () => {
      for (const address of [NEAR, NEAR6])
        for (const port of PORTS)
          expect(await fetches(lab, address, port), `${address} ${port}`).toEqual(EVERY);
    });
  });

  test('and a helper that is set in forward', async () => {
    const rules = HELPER.replace('hook prerouting', 'hook forward');
    await withRules(lab, rules, async () => {
      expect(await fetches(lab, NEAR, 2121)).toEqual(EVERY);
    });
  });

  test('and without one it does not', async () => {
    expect(await fetches(lab, NEAR, 21, 1)).toEqual([-1]);
  });

  test('labels stay on a connection', async () => {
    const rules = `chain before { type filter hook prerouting priority filter; tcp dport 2121 ct label set 5; }
      chain after { type filter hook forward priority filter; ct label 5 ct state established counter; }`;
    await withRules(lab, rules, async () => {
      const { exitCode } = await lab.client().curl(`ftp://${NEAR}:2121/file`, ['--max-time', '4']);
      expect(exitCode).toBe(0);
      const listed = await lab.gateway.must(['nft', 'list', 'chain', 'inet', 'operator', 'after']);
      expect(Number(/packets (\d+)/.exec(listed)?.[1])).toBeGreaterThan(10);
    });
  });

  if (name === 'race')
    test('what-if says that data goes with its control connection, which has announced it', async () => {
      await withRules(lab, HELPER, async () => {
        const control = lab.client().spawn(['bash', '-c', ANNOUNCED]);
        try {
          const announced = /\|\|\|(\d+)\|/.exec(await control.waitForLine(/\|\|\|\d+\|/))?.[1];
          const query = { client: lab.client().ipv4, destination: NEAR, port: Number(announced) };
          const ask = async (other = 0) => {
            const asked = { ...query, port: query.port + other };
            return (await socketClient(lab.controlSocket)('GET /v1/what-if', { query: asked })).outcomes[0]!;
          };
          const said = await ask();
          expect(said).toMatchObject({ action: 'follow', by: 'kernel', reasons: ['follows'], service: null });
          expect(said.pin).toMatchObject({ route: said.route, by: 'control' });
          expect(await ask(1)).toMatchObject({ action: 'race', pin: null });
          await lab.wire.reset();
          await lab.client().connect({ targets: [{ address: NEAR, port: query.port }], count: 1 });
          const syns = await lab.wire.trace({ kind: 'syn', direction: 'out' });
          const ways = syns
            .filter((one) => one.destinationPort === query.port)
            .map(({ provider }) => provider);
          expect(ways).toEqual([said.route]);
        } finally {
          control.signal('SIGKILL');
          await control.done;
        }
      });
    });

  if (name === 'race')
    test('such a connection is raced where the kernel shows its entry, and stays with its own where not', async () => {
      const gateway = beside.gateway!;
      const found = await lab.gateway.run([PATHRACE, 'doctor', '--json']);
      const { probes } = JSON.parse(found.stdout) as { probes: { name: string; ok: boolean }[] };
      const isShown = probes.find((probe) => probe.name === 'queue-entries')?.ok === true;
      const counts = async () => {
        const { races, packets } = await gateway.status();
        return { raced: races.started, kept: packets.ignored['entry-kept'] };
      };
      await withRules(lab, HELPER, async () => {
        const before = await counts();
        expect(await fetches(lab, NEAR, 21)).toEqual(EVERY);
        const after = await counts();
        const [raced, kept] = isShown ? [3, 0] : [0, 3];
        expect(after).toEqual({ raced: before.raced + raced, kept: before.kept + kept });
        // And what has no helper is raced as ever.
        await lab.client().connect({ targets: [{ address: NEAR, port: 443 }], count: 3 });
        const { raced: others, kept: still } = await counts();
        expect(others).toBe(after.raced + 3);
        expect(still).toBe(after.kept);
      });
    });
});
