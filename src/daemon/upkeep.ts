/**
 * What we have put into the kernel stays there: the table, rules, routes and settings that other programs remove or change are put back
 * within a second, in bounds, and told. What is changed again and again is an alarm: somebody wants it otherwise.
 */
import { sys } from '../kernel/ffi.js';
import {
  applySettings,
  desiredSettings,
  differingSettings,
  ipv6OffPath,
  otherInterfaces,
  recordedSettings,
  settingNow,
} from '../kernel/sysctl.js';
import type { GatewayConfig } from '../model/config.js';
import type { Log } from '../observe/log.js';
import { HealLimit } from './heal-limit.js';

export interface UpkeepContext {
  readonly log: Log;
  config(): GatewayConfig;
  /** Does work after all that is being changed. */
  enqueue(work: () => Promise<void>): Promise<void>;
  /** Declares our table anew. */
  restoreTable(): Promise<void>;
  /** Brings rules and routes to what is declared; calls `putBack` with what that took. */
  follow(): void;
}

/** Rules and routes that somebody keeps removing come back this often. */
const PAUSE_MS = 5000;

export class Upkeep {
  /** Kernel settings as they were before us; the kernel's table has them too, unless somebody removes it. */
  before: ReadonlyMap<string, string> = new Map();

  private readonly rules = new HealLimit(PAUSE_MS);
  private timer: NodeJS.Timeout | null = null;
  private taken = false;
  private restoring = false;
  private setting = false;
  private closed = false;
  // BOUNDED: by the settings.
  private readonly limits = new Map<string, HealLimit>();
  /** Settings that are left as somebody else wants them, and their values. BOUNDED: by the settings. */
  private readonly left = new Map<string, string>();
  /** Interfaces that had IPv6. BOUNDED: by the configuration's. */
  private readonly hadIpv6 = new Set<string>();
  private readonly withoutIpv6 = new Set<string>();
  /** Indexes of the interfaces that have been set up. BOUNDED: by the configuration's. */
  private readonly known = new Map<string, number>();
  /** Settings that have been as we want them: what they are found to be later is somebody else's doing. BOUNDED: by the settings. */
  private readonly seen = new Set<string>();
  // BOUNDED: by the settings.
  private readonly refused = new Set<string>();

  constructor(private readonly context: UpkeepContext) {}

  /** For a new configuration: also what was left as somebody else wanted it. */
  async setAnew(): Promise<void> {
    this.left.clear();
    this.limits.clear();
    await this.set();
  }

  /** Sets what the configuration wants. */
  async set(): Promise<void> {
    const config = this.context.config();
    const met = this.meet(config);
    const wanted = desiredSettings(config, otherInterfaces(config));
    await this.apply(wanted.filter(({ path }) => !this.left.has(path)));
    // Until now nobody looks at theirs.
    for (const [name, index] of met) this.known.set(name, index);
    for (const { path } of desiredSettings(config)) if (settingNow(path) !== null) this.seen.add(path);
    for (const name of interfacesOf(config))
      if (settingNow(ipv6OffPath(name)) === '0') this.hadIpv6.add(name);
  }

  /** An interface that has come, or come again, has settings of its own: nobody has changed them. Returns those that are there. */
  private meet(config: GatewayConfig): Map<string, number> {
    const met = new Map<string, number>();
    for (const name of interfacesOf(config)) {
      const index = sys.ifIndex(name);
      if (index !== 0) met.set(name, index);
      if (index !== 0 && index === this.known.get(name)) continue;
      this.known.delete(name);
      for (const path of this.seen) if (path.includes(`/conf/${name}/`)) this.seen.delete(path);
    }
    return met;
  }

  /** Whether an interface is there that has not been met. */
  private hasStrangers(config: GatewayConfig): boolean {
    let found = false;
    for (const name of interfacesOf(config)) {
      const index = sys.ifIndex(name);
      if (index === 0) this.known.delete(name);
      else if (index !== this.known.get(name)) found = true;
    }
    return found;
  }

  /** Somebody flushed the ruleset, as a reload of Debian's nftables service does: it is declared, so declare it again. */
  tableLost(): void {
    if (this.restoring || this.closed) return;
    this.restoring = true;
    this.context
      .enqueue(async () => {
        this.context.log.warn(
          { event: 'state-lost' },
          'our nft table was removed by somebody else; putting it back',
        );
        await this.context.restoreTable();
      })
      // Told by whoever works on the queue, which does it again.
      .catch(() => undefined)
      .finally(() => {
        this.restoring = false;
      });
  }

  /** A rule or route of ours has been removed; by ourselves, perhaps. */
  rulesTaken(): void {
    this.taken = true;
    if (this.timer !== null || this.closed) return;
    const wait = this.rules.waitMs(performance.now());
    if (wait === 0) return this.context.follow();
    this.timer = setTimeout(() => {
      this.timer = null;
      this.context.follow();
    }, wait);
  }

  /** What it took to have what is declared, while nothing else was declared than before. */
  putBack(lines: readonly string[]): void {
    const { taken } = this;
    this.taken = false;
    const rules = lines.filter((line) => line.startsWith('rule add')).length;
    const routes = lines.filter((line) => line.startsWith('route replace')).length;
    if (!taken || rules + routes === 0) return;
    this.rules.note(performance.now());
    this.context.log.warn(
      { event: 'rules-lost', rules, routes },
      `${rules} of our ip rules and ${routes} of our routes were removed by somebody else; put back`,
    );
  }

  /** For whom nothing depends on it; what fails is told by the next look of every second. */
  lookSoon(): void {
    this.look().catch(() => undefined);
  }

  /** Looks at the settings: once a second, and when the kernel tells of a change. */
  async look(): Promise<void> {
    if (this.setting || this.closed) return;
    this.lookAtIpv6();
    const config = this.context.config();
    if (this.hasStrangers(config)) return this.inTurn(() => this.set());
    const settings = desiredSettings(config);
    const differing = differingSettings(settings, this.before);
    for (const path of this.left.keys())
      if (!differing.some((one) => one.path === path)) this.left.delete(path);
    const now = performance.now();
    const heal = differing.filter(({ path, current }) => this.mayHeal(path, current, now));
    if (heal.length === 0) return;
    const paths = new Set(heal.map(({ path }) => path));
    await this.inTurn(() => this.apply(settings.filter(({ path }) => paths.has(path))));
    const found = heal.map(({ path, current }) => `${path} = ${current}`);
    this.context.log.warn(
      { event: 'settings-changed', settings: found },
      `kernel settings were changed by somebody else: ${found.join(', ')}; set again`,
    );
  }

  /** What an operator should know of. */
  alarms(): string[] {
    const alarms = [...this.left].map(
      ([path, value]) =>
        `${path} is set to "${value}" by somebody else again and again, and is left so: connections may fail`,
    );
    const { lan } = this.context.config();
    for (const name of this.withoutIpv6)
      if (lan.includes(name))
        alarms.push(`IPv6 was switched off on ${name} (${ipv6OffPath(name)}): its addresses are gone`);
    if (this.rules.isReached(performance.now()))
      alarms.push(
        `somebody else removes our ip rules or routes again and again: they are put back every ${PAUSE_MS / 1000} s`,
      );
    return alarms;
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  /** Once at a time, behind all that is being changed. */
  private async inTurn(work: () => Promise<void>): Promise<void> {
    this.setting = true;
    try {
      await this.context.enqueue(work);
    } finally {
      this.setting = false;
    }
  }

  private async apply(settings: ReturnType<typeof desiredSettings>): Promise<void> {
    for (const { path, why } of await applySettings(settings, this.seen)) {
      if (this.refused.has(path)) continue;
      this.refused.add(path);
      this.context.log.warn({ event: 'sysctl', path }, `could not set ${path} (${why})`);
    }
    this.before = recordedSettings();
  }

  private mayHeal(path: string, current: string, nowMs: number): boolean {
    if (this.left.has(path)) {
      this.left.set(path, current);
      return false;
    }
    const limit = this.limits.get(path) ?? new HealLimit(Number.POSITIVE_INFINITY);
    this.limits.set(path, limit);
    if (limit.isReached(nowMs)) {
      this.left.set(path, current);
      this.context.log.warn(
        { event: 'settings-left', path, value: current },
        `${path} is set to "${current}" by somebody else again and again; left so`,
      );
      return false;
    }
    limit.note(nowMs);
    return true;
  }

  /** What IPv6 takes along when it is switched off, its addresses above all, does not come back by switching it on. */
  private lookAtIpv6(): void {
    const { lan } = this.context.config();
    for (const name of this.hadIpv6) {
      const isOff = settingNow(ipv6OffPath(name)) === '1';
      if (isOff === this.withoutIpv6.has(name)) continue;
      if (isOff && lan.includes(name))
        this.context.log.warn({ event: 'ipv6-off', interface: name }, `IPv6 was switched off on ${name}`);
      if (isOff) this.withoutIpv6.add(name);
      else this.withoutIpv6.delete(name);
      // Without an address nothing else tells of it.
      this.context.follow();
    }
  }
}

function interfacesOf(config: GatewayConfig): Set<string> {
  return new Set([...config.lan, ...config.routes.map((route) => route.interface)]);
}
