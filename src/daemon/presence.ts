/** What of the configuration there is on this machine: interfaces of the LAN, and how addresses and next hops fit the interfaces. */
import { type AddressNote, addressNotes } from '../kernel/address-notes.js';
import type { LinkSnapshot } from '../kernel/links.js';
import { type ResolvedRoute, SWITCHED_OFF } from '../kernel/routes.js';
import { ipv6OffPath } from '../kernel/sysctl.js';
import type { GatewayConfig } from '../model/config.js';
import type { Log } from '../observe/log.js';

export class Presence {
  /** Indexes of the LAN's interfaces by name; those that are missing are not in it. */
  private lan: ReadonlyMap<string, number> | null = null;
  private missing: readonly string[] = [];
  private off: readonly string[] = [];
  private said: readonly AddressNote[] = [];
  /** The LAN's interfaces are others than those that the kernel's settings are made for. */
  private due = false;

  constructor(private readonly log: Log) {}

  /** Takes a snapshot in, and says what is new in it. */
  see(config: GatewayConfig, { links }: LinkSnapshot, routes: readonly ResolvedRoute[]): void {
    const lan = new Map(
      config.lan.flatMap((name) => {
        const link = links.get(name);
        return link === undefined ? [] : [[name, link.index] as const];
      }),
    );
    const missing = config.lan.filter((name) => !lan.has(name));
    for (const name of missing)
      if (!this.missing.includes(name)) this.log.warn({ event: 'lan-missing', interface: name }, noLan(name));
    for (const name of this.missing)
      if (lan.has(name)) this.log.info({ event: 'lan', interface: name }, `the LAN has ${name} again`);
    if (this.lan !== null && keyOf(this.lan) !== keyOf(lan)) this.due = true;
    this.lan = lan;
    this.missing = missing;
    this.seeIpv6(routes);
    this.seeNotes(addressNotes(config, { links }));
  }

  /** Whether the LAN has changed since `followed`. */
  get isDue(): boolean {
    return this.due;
  }

  /** Everything goes by the LAN as it is. */
  followed(): void {
    this.due = false;
  }

  /** Interfaces of the LAN that are not there. */
  get missingLan(): readonly string[] {
    return this.missing;
  }

  /** What an operator should look at. */
  alarms(): string[] {
    return [...this.missing.map(noLan), ...this.off.map(noIpv6)];
  }

  /** What is right in some networks and a mistake in others. */
  notes(): string[] {
    return this.said.map(({ text }) => text);
  }

  private seeIpv6(routes: readonly ResolvedRoute[]): void {
    const without = routes.filter(({ reasons }) => reasons.some((reason) => reason.endsWith(SWITCHED_OFF)));
    const off = [...new Set(without.map(({ config }) => config.interface))];
    for (const name of off)
      if (!this.off.includes(name)) this.log.warn({ event: 'ipv6-off', interface: name }, noIpv6(name));
    this.off = off;
  }

  private seeNotes(notes: readonly AddressNote[]): void {
    for (const { route, text } of notes)
      if (!this.said.some((one) => one.text === text)) this.log.warn({ event: 'route-note', route }, text);
    this.said = notes;
  }
}

function noLan(name: string): string {
  return `the LAN's interface ${name} does not exist: nobody behind it is served until it appears`;
}

function noIpv6(name: string): string {
  return `IPv6 is switched off on ${name} (${ipv6OffPath(name)} is 1): its routes carry IPv4 alone`;
}

function keyOf(lan: ReadonlyMap<string, number>): string {
  return [...lan].map(([name, index]) => `${name} ${index}`).join();
}
