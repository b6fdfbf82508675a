/** Bulk transfer through the gateway: established packets must not notice it. */
import type { Lab } from '../../lab/index.js';
import { alternate, median, PLAIN, RACING, type Subject } from '../side-by-side.js';
import { readStatus } from '../status.js';

export interface ThroughputResult {
  readonly subject: string;
  readonly bitsPerSecond: readonly number[];
  /** Packets that reached the daemon during the transfer; a transfer is a few connections. */
  readonly queuedPackets: number;
}

export async function measureThroughput(
  lab: Lab,
  options: { rounds: number; seconds: number },
): Promise<ThroughputResult[]> {
  const server = lab.server();
  const iperf = await server.iperf3();
  const subjects: Subject[] = [PLAIN, RACING];
  const results = await alternate(lab, subjects, options.rounds, async (installed) => {
    const run = await lab.client().iperf3(server.addresses.ipv4[0]!, { seconds: options.seconds });
    if (installed.task === null) return { bitsPerSecond: run.bitsPerSecond, queued: 0 };
    const { queue } = (await readStatus(lab)).packets;
    return { bitsPerSecond: run.bitsPerSecond, queued: (queue.lan ?? 0) + (queue.wan ?? 0) };
  });
  await iperf.stop();
  return subjects.map((subject) => ({
    subject: subject.name,
    bitsPerSecond: results.get(subject)!.map((r) => r.bitsPerSecond),
    queuedPackets: Math.max(...results.get(subject)!.map((r) => r.queued)),
  }));
}

/** Median of the rounds' own ratios. */
export function throughputRatio(results: readonly ThroughputResult[]): number {
  const [plain, racing] = results;
  return median(racing!.bitsPerSecond.map((value, i) => value / plain!.bitsPerSecond[i]!));
}
