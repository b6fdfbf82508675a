/** What a gateway keeps in the kernel, as text that two moments can be compared by. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayLab } from './gateway-lab.js';

/** What the daemon keeps in the kernel: rules, routing, what it has recorded. */
export async function daemonState(made: GatewayLab): Promise<string> {
  const { gateway } = made.lab;
  const parts = await Promise.all(
    [
      ['nft', '-s', '-t', 'list', 'table', 'inet', 'pathrace'],
      ['ip', '-4', 'rule'],
      ['ip', '-6', 'rule'],
      ['ip', '-4', 'route', 'show', 'table', 'all', 'proto', '82'],
      ['ip', '-6', 'route', 'show', 'table', 'all', 'proto', '82'],
      ['sysctl', 'net.ipv4.ip_forward', 'net.ipv4.conf.all.rp_filter', 'net.ipv4.conf.wan3.rp_filter'],
    ].map(async (command) => {
      const { stdout } = await gateway.run(command);
      return stdout
        .split('\n')
        .map((line) => line.trimEnd())
        .sort()
        .join('\n');
    }),
  );
  // How often a route has fallen is part of what the plan of turns says, and of what a tunnel is noted with.
  return parts.join('\n').replace(/(?<=(?:numgen|meta mark set).* : 0x0[1-9])[0-9a-f]{6}/g, '');
}

/** The same, once it stays as it is. */
export async function settledState(made: GatewayLab): Promise<string> {
  let last = await daemonState(made);
  for (let i = 0; i < 20; i++) {
    await sleep(250);
    const now = await daemonState(made);
    if (now === last && now.includes('chain')) return now;
    last = now;
  }
  return last;
}

/** Lines that only one of two states has. */
export function difference(one: string, other: string): string[] {
  const [ones, others] = [one.split('\n'), other.split('\n')];
  const only = (these: string[], those: string[], sign: string): string[] =>
    these.filter((line) => !those.includes(line)).map((line) => `${sign}${line.trim()}`);
  return [...only(ones, others, '+'), ...only(others, ones, '-')];
}
