/**
 * What a flowtable is worth on this machine: plain kernel NAT and the gateway, each by the rules and by a flowtable, in one run and in turn,
 * on two sites of the same shape. Ratios to plain NAT by the rules; on an emulated processor the figures themselves mean nothing.
 */
import { copyFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lab, plainNat, startLab } from '../../lab/index.js';
import { PATHRACE } from './site.js';

const ROUNDS = 3;
const SERVER = '198.51.100.1';
const TCP = ['-t', '3', '-O', '1'];
/** A flow of datagrams is assured, and may leave the rules, after two seconds. */
const UDP = ['-u', '-b', '0', '-l', '64', '-t', '3', '-O', '4'];
const SITE = { plain: true, providers: [{ name: 'a' }, { name: 'b' }] };
const FLOWTABLE = `table inet operator {
  flowtable ft { hook ingress priority 0; devices = { lan0, wan1 }; }
  chain forward { type filter hook forward priority 0; ct status assured flow add @ft; }
}`;

interface Figures {
  readonly bulkMbit: number;
  readonly datagrams: number;
}

interface Variant {
  readonly name: string;
  readonly lab: Lab;
  prepare(): Promise<unknown>;
}

const labs = [await startLab(SITE), await startLab(SITE)] as const;
try {
  await Promise.all(labs.map((lab) => lab.server().iperf3()));
  await measure(await variants(...labs));
} finally {
  await Promise.all(labs.map((lab) => lab.stop()));
}

async function variants(plain: Lab, raced: Lab): Promise<readonly Variant[]> {
  await plainNat(plain, 'a');
  const config = (fastPath: string) => raced.configYaml({ kernel: { heartbeat: '3s', fastPath } });
  const file = config('off');
  const gateway = raced.gateway.spawn([PATHRACE, 'gateway', '--config', file]);
  await gateway.waitForLine(/^ready/, 300_000);
  const reload = async (fastPath: string): Promise<void> => {
    copyFileSync(config(fastPath), file);
    gateway.signal('SIGHUP');
    const has = async () => (await raced.gateway.must(['nft', 'list', 'flowtables'])).includes('fast');
    while ((await has()) !== (fastPath === 'auto')) await sleep(200);
  };
  const nft = (input: string) => plain.gateway.must(['nft', '-f', '-'], { input });
  const none = 'table inet operator { }\ndelete table inet operator\n';
  return [
    { name: 'plain NAT', lab: plain, prepare: () => nft(none) },
    { name: 'plain NAT, flowtable', lab: plain, prepare: () => nft(none + FLOWTABLE) },
    { name: 'gateway, fastPath: off', lab: raced, prepare: () => reload('off') },
    { name: 'gateway, fastPath: auto', lab: raced, prepare: () => reload('auto') },
  ];
}

async function measure(variants: readonly Variant[]): Promise<void> {
  const results = variants.map((): Figures[] => []);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [index, { name, lab, prepare }] of variants.entries()) {
      await prepare();
      const figures = { bulkMbit: await bulk(lab), datagrams: await datagrams(lab) };
      results[index]!.push(figures);
      const { bulkMbit, datagrams: each } = figures;
      console.log(`${round}. ${name}: ${bulkMbit.toFixed(0)} Mbit/s, ${each.toFixed(0)} datagrams/s`);
    }
  }
  for (const [index, { name }] of variants.entries()) {
    const ratios = (of: keyof Figures) => results[index]!.map((one, i) => one[of] / results[0]![i]![of]);
    console.log(`${name}: bulk ${words(ratios('bulkMbit'))}, datagrams ${words(ratios('datagrams'))}`);
  }
}

async function bulk(lab: Lab): Promise<number> {
  const { end } = await iperf3(lab, TCP);
  return (end.sum_received?.bits_per_second ?? 0) / 1e6;
}

/** That came to the server, per second. */
async function datagrams(lab: Lab): Promise<number> {
  const { packets = 0, lost_packets = 0, seconds = 1 } = (await iperf3(lab, UDP)).end.sum ?? {};
  return (packets - lost_packets) / seconds;
}

interface Report {
  readonly end: {
    readonly sum_received?: { readonly bits_per_second: number };
    readonly sum?: {
      readonly packets?: number;
      readonly lost_packets?: number;
      readonly seconds?: number;
    };
  };
}

async function iperf3(lab: Lab, options: readonly string[]): Promise<Report> {
  const output = await lab.client().must(['iperf3', '-J', '-c', SERVER, ...options], { timeoutMs: 90_000 });
  return JSON.parse(output) as Report;
}

/** The median, and from the least to the most. */
function words(values: readonly number[]): string {
  const sorted = [...values].sort((left, right) => left - right);
  const figure = (at: number) => sorted[at]!.toFixed(2);
  return `${figure(sorted.length >> 1)} (${figure(0)} to ${figure(sorted.length - 1)})`;
}
