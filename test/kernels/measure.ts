/**
 * What a flowtable is worth on this machine: plain kernel NAT and the gateway, each by the rules and by a flowtable, in one run and in turn.
 * Ratios to plain NAT by the rules; on an emulated processor the figures themselves mean nothing.
 */
import { type Lab, plainNat, startLab, type Task } from '../../lab/index.js';
import { PATHRACE } from './site.js';

const ROUNDS = 3;
const SERVER = '198.51.100.1';
const TCP = ['-t', '3', '-O', '1'];
/** A flow of datagrams is assured, and may leave the rules, after two seconds. */
const UDP = ['-u', '-b', '0', '-l', '64', '-t', '3', '-O', '4'];

interface Figures {
  readonly bulkMbit: number;
  readonly datagrams: number;
}

const FLOWTABLE = `table inet operator {
  flowtable ft { hook ingress priority 0; devices = { lan0, wan1 }; }
  chain forward { type filter hook forward priority 0; ct status assured flow add @ft; }
}`;

const lab = await startLab({ plain: true, providers: [{ name: 'a' }, { name: 'b' }] });
try {
  await lab.server().iperf3();
  // BOUNDED: the four below.
  const results = new Map<string, Figures[]>();
  const note = async (name: string): Promise<void> => {
    const figures = { bulkMbit: await bulk(lab), datagrams: await datagrams(lab) };
    results.set(name, [...(results.get(name) ?? []), figures]);
    console.log(
      `${name}: ${figures.bulkMbit.toFixed(0)} Mbit/s, ${figures.datagrams.toFixed(0)} datagrams/s`,
    );
  };
  for (let round = 1; round <= ROUNDS; round++) {
    const nat = await plainNat(lab, 'a');
    await note('plain NAT');
    await lab.gateway.must(['nft', '-f', '-'], { input: FLOWTABLE });
    await note('plain NAT, flowtable');
    await lab.gateway.must(['nft', 'delete', 'table', 'inet', 'operator']);
    await nat.remove();
    for (const fastPath of ['off', 'auto']) {
      const gateway = await startGateway(fastPath);
      await note(`gateway, fastPath: ${fastPath}`);
      await gateway.stop(30_000);
    }
  }
  const base = results.get('plain NAT')!;
  for (const [name, figures] of results) {
    const ratios = (of: keyof Figures) => figures.map((one, round) => one[of] / base[round]![of]);
    console.log(`${name}: bulk ${words(ratios('bulkMbit'))}, datagrams ${words(ratios('datagrams'))}`);
  }
} finally {
  await lab.stop();
}

async function startGateway(fastPath: string): Promise<Task> {
  const config = lab.configYaml({ kernel: { heartbeat: '3s', fastPath } });
  const gateway = lab.gateway.spawn([PATHRACE, 'gateway', '--config', config]);
  await gateway.waitForLine(/^ready/, 300_000);
  return gateway;
}

async function bulk({ client }: Lab): Promise<number> {
  const { end } = await iperf3(client, TCP);
  return (end.sum_received?.bits_per_second ?? 0) / 1e6;
}

/** That came to the server, per second. */
async function datagrams({ client }: Lab): Promise<number> {
  const { end } = await iperf3(client, UDP);
  const { packets = 0, lost_packets = 0, seconds = 1 } = end.sum ?? {};
  return (packets - lost_packets) / seconds;
}

interface Report {
  readonly end: {
    readonly sum_received?: { readonly bits_per_second: number };
    readonly sum?: { readonly packets?: number; readonly lost_packets?: number; readonly seconds?: number };
  };
}

async function iperf3(client: Lab['client'], options: readonly string[]): Promise<Report> {
  const output = await client().must(['iperf3', '-J', '-c', SERVER, ...options], { timeoutMs: 60_000 });
  return JSON.parse(output) as Report;
}

/** The median, and from the least to the most. */
function words(values: readonly number[]): string {
  const sorted = [...values].sort((left, right) => left - right);
  const figure = (at: number) => sorted[at]!.toFixed(2);
  return `${figure(sorted.length >> 1)} (${figure(0)} to ${figure(sorted.length - 1)})`;
}
