/**
 * Watches how many source ports are left: an alarm at 80 %, and a clear refusal where none is, instead of packets that
 * vanish in translation (RFC 5508 REQ-8: ICMP, administratively prohibited; RFC 6888 REQ-11: no flow is taken away for it).
 */
import { runCommand } from '../kernel/command.js';
import { SET_FULL, TABLE } from '../kernel/constants.js';
import type { Flows } from '../kernel/flows.js';
import { hex, type Marks, routeMark } from '../kernel/marks.js';
import { type PortUse, RECLAIM, reusesPorts, serverOf } from '../kernel/port-use.js';
import { readSetting } from '../kernel/sysctl.js';
import type { PortRange } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { kernelPorts, sizeOf } from '../model/ports.js';
import type { Log } from '../observe/log.js';

/** Share from which on a route is worth a look. */
export const PORT_ALARM = 0.8;
/**
 * From here on the kernel does not find what is left: it looks at 248 ports (nf_nat_l4proto_unique_tuple), and drops the
 * packet without a word. Ports of flows that are over are left: it takes them.
 */
export const PORTS_FULL = 0.995;
/** Between two looks. */
export const PORTS_MS = 2000;
/** Looks at all connections may take this share of the time; where ports are short or have to be freed, more. */
const SHARE = 0.02;
const URGENT_SHARE = 0.25;
/** A full pair is refused for this long, then looked at again. */
const REFUSE_SECONDS = 4;

export class PortWatch {
  /** By route: the address and server with the largest share. */
  private worst = new Map<number, PortUse>();
  private readonly alarmed = new Set<number>();
  private restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly flows: Flows,
    private readonly marks: Marks,
    private readonly log: Log,
    private readonly nameOf: (route: number) => string | null,
    private readonly reuses = reusesPorts(),
  ) {}

  /** Looks once; nothing is read while no source address can have many connections with one server. */
  async look(racePorts: PortRange): Promise<void> {
    const ports = kernelPorts(racePorts);
    if (!(await this.mayBeMany(sizeOf(ports) * PORT_ALARM))) {
      this.worst = new Map();
      return;
    }
    const now = performance.now();
    if (now < this.restUntilMs) return;
    const uses = await this.flows.portUse(ports, PORT_ALARM);
    const isUrgent = uses.some(
      ({ share, held }) => share >= PORT_ALARM || (!this.reuses && held >= RECLAIM.to),
    );
    const restMs = (performance.now() - now) / (isUrgent ? URGENT_SHARE : SHARE);
    this.restUntilMs = now + restMs;
    this.worst = new Map();
    for (const use of uses) {
      const { route, share } = use;
      if (share >= (this.worst.get(route)?.share ?? 0)) this.worst.set(route, use);
    }
    if (!this.reuses && uses.some(({ held }) => held >= RECLAIM.from)) await this.flows.reclaimPorts(ports);
    const full = uses.filter(({ share, protocol }) => share >= PORTS_FULL && protocol === TCP);
    // Until the next look has been.
    await this.refuse(full, REFUSE_SECONDS + Math.ceil(restMs / 1000));
    for (const use of this.worst.values()) this.tell(use);
  }

  /** What is over still holds its port on an old kernel, and is not counted: there all entries are a reason to look. */
  private async mayBeMany(count: number): Promise<boolean> {
    const entries = Number((await readSetting('net/netfilter/nf_conntrack_count')) ?? 0);
    if (entries < count) return false;
    return !this.reuses || this.flows.counts.busiestPair() >= count;
  }

  /** The largest share of its ports that any source address of a route has in use towards one server. */
  of(route: number): number {
    return this.worst.get(route)?.share ?? 0;
  }

  /** Of every route that has not many left: how many it uses, towards whom, and who has them. */
  alarms(): string[] {
    return [...this.worst.values()].filter(({ share }) => share >= PORT_ALARM).map((use) => this.words(use));
  }

  private words(use: PortUse): string {
    const who = use.users.map(({ client, count }) => `${client} has ${count}`).join(', ');
    return `${this.told(use, serverOf(use))} (${who})`;
  }

  private told({ route, share }: PortUse, server: string): string {
    const name = this.nameOf(route) ?? String(route);
    return share >= PORTS_FULL
      ? `route ${name} has no port left towards ${server}: new connections to it fail`
      : `route ${name} uses ${Math.floor(share * 100)} % of its ports towards ${server}`;
  }

  private async refuse(full: readonly PortUse[], seconds: number): Promise<void> {
    for (const family of [4, 6] as const) {
      const elements = full
        .filter((use) => use.family === family)
        .map(
          ({ destination, destinationPort, route }) =>
            `${destination} . ${destinationPort} . ${hex(routeMark(this.marks, route))}`,
        );
      if (elements.length === 0) continue;
      const keys = [...new Set(elements)].slice(0, MOST);
      const set = `element inet ${TABLE} ${SET_FULL[family]}`;
      const add = `add ${set} { ${keys.map((key) => `${key} timeout ${seconds}s`).join(', ')} }\n`;
      // To add what is there does not renew it.
      await runCommand('nft', ['-f', '-'], `${add}delete ${set} { ${keys.join(', ')} }\n${add}`).catch(() => {
        // What nft says of it names the servers.
        throw new PathraceError('E_COMMAND_FAILED', 'nft did not take the servers that have no port left.');
      });
    }
  }

  private tell(use: PortUse): void {
    const { route, share } = use;
    if (share < PORT_ALARM) {
      this.alarmed.delete(route);
      return;
    }
    if (this.alarmed.has(route)) return;
    this.alarmed.add(route);
    const name = this.nameOf(route) ?? String(route);
    const clients = use.users.map(({ client }) => client);
    const fields = { event: 'ports', route: name, percent: Math.floor(share * 100) };
    // Who that is, is for `status` to say, and for a log that may.
    this.log.warn({ ...fields, server: serverOf(use), clients }, this.told(use, 'one server'));
  }
}

const TCP = 6;
/** Elements of the set. */
const MOST = 1024;
