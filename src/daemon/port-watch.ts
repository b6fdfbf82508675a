/**
 * Watches how many source ports are left: an alarm at 80 %, and a clear refusal where none is, instead of packets that
 * vanish in translation (RFC 5508 REQ-8: ICMP, administratively prohibited; RFC 6888 REQ-11: no flow is taken away for it).
 */
import { runCommand } from '../kernel/command.js';
import { SET_FULL, TABLE } from '../kernel/constants.js';
import type { Flows, PortUse } from '../kernel/flows.js';
import { hex, type Marks, routeMark } from '../kernel/marks.js';
import { readSetting } from '../kernel/sysctl.js';
import type { PortRange } from '../model/config.js';
import { kernelPorts, sizeOf } from '../model/ports.js';
import type { Log } from '../observe/log.js';

/** Share from which on a route is worth a look. */
export const PORT_ALARM = 0.8;
/**
 * From here on the kernel does not find what is left: it looks at 248 ports (nf_nat_l4proto_unique_tuple), and drops the
 * packet without a word.
 */
export const PORTS_FULL = 0.995;
/** A full pair is refused for this long, then looked at again. */
const REFUSE_SECONDS = 4;

export class PortWatch {
  private worst = new Map<number, number>();
  private readonly alarmed = new Set<number>();

  constructor(
    private readonly flows: Flows,
    private readonly marks: Marks,
    private readonly log: Log,
    private readonly nameOf: (route: number) => string | null,
  ) {}

  /** Looks once; nothing is read while there are too few connections for any alarm. */
  async look(racePorts: PortRange): Promise<void> {
    const entries = Number((await readSetting('net/netfilter/nf_conntrack_count')) ?? 0);
    const ports = kernelPorts(racePorts);
    if (entries < sizeOf(ports) * PORT_ALARM) {
      this.worst = new Map();
      return;
    }
    const uses = this.flows.portUse(ports);
    this.worst = new Map();
    for (const { route, share } of uses) this.worst.set(route, Math.max(this.worst.get(route) ?? 0, share));
    await this.refuse(uses.filter(({ share, protocol }) => share >= PORTS_FULL && protocol === TCP));
    for (const [route, share] of this.worst) this.tell(route, share);
  }

  /** The largest share of its ports that any source address of a route has in use towards one server. */
  of(route: number): number {
    return this.worst.get(route) ?? 0;
  }

  private async refuse(full: readonly PortUse[]): Promise<void> {
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
      const add = `add ${set} { ${keys.map((key) => `${key} timeout ${REFUSE_SECONDS}s`).join(', ')} }\n`;
      // To add what is there does not renew it.
      await runCommand('nft', ['-f', '-'], `${add}delete ${set} { ${keys.join(', ')} }\n${add}`);
    }
  }

  private tell(route: number, share: number): void {
    const name = this.nameOf(route) ?? String(route);
    if (share < PORT_ALARM) {
      this.alarmed.delete(route);
      return;
    }
    if (this.alarmed.has(route)) return;
    this.alarmed.add(route);
    const percent = Math.floor(share * 100);
    this.log.warn(
      { event: 'ports', route: name, percent },
      `route ${name} uses ${percent} % of its ports towards a server`,
    );
  }
}

const TCP = 6;
/** Elements of the set. */
const MOST = 1024;
