/**
 * Which names addresses have, from the answers of name servers that pass. An answer that says something new waits until the
 * kernel knows it, since the client connects as soon as it has it; every other goes on at once. What a name server says that nobody has
 * named counts for the host that asked it (docs/decisions/0026).
 */
import { createRequire } from 'node:module';
import { FOR_ALL } from '../core/affinity/web-sites.js';
import type { Engine } from '../core/engine.js';
import type { ServiceNumber } from '../core/engine-types.js';
import { isInPool } from '../core/pool.js';
import { type AddressWords, type Family, formatAddress } from '../model/address.js';
import { Prefixes } from '../model/prefixes.js';
import { createDnsAnswer, DNS_PORT, decodeDnsAnswer } from '../wire/dns.js';
import type { QueuedPacket } from '../wire/netlink/nfqueue.js';
import { createPacket, DECODE, decode, PROTOCOL } from '../wire/packet.js';
import type { Boundary } from './boundary.js';
import { Askers, type AskingHost, ToldCounts } from './dns-askers.js';
import { type Memory, type Watch, watchReadable } from './ffi.js';
import { HeldPackets } from './held-packets.js';
import type { KernelMemory } from './kernel-memory.js';
import { BATCH, Queue } from './queue.js';
import type { KernelPart } from './race-messages.js';

const QUEUE_LENGTH = 512;
/** An address is believed to have its name for at least this long, and at most so long, whatever the answer says. */
const LIFE_MS = { least: 600_000, most: 86_400_000 } as const;
const UDP_HEADER = 8;
/** What the kernel has been told lately. BOUNDED: the oldest gives way. One host has a part of it. */
const MOST_TOLD = 65_536;
const MOST_TOLD_A_HOST = MOST_TOLD / 8;
/** When what is over is looked for, so that a host's part is there again. */
const SWEEP_MS = 10_000;
/** enum nf_inet_hooks. */
const LOCAL_OUT = 3;

/** An address and what the kernel has been told of it. */
interface Told {
  readonly family: Family;
  readonly words: AddressWords;
  /** The number of a site, or of a service. */
  readonly isSite: boolean;
  readonly number: number;
  /** Who has asked; null: it is so for all. */
  readonly asker: AskingHost | null;
  /** Milliseconds: when the next answer is news again, and when the kernel forgets it. */
  readonly newsAt: number;
  readonly until: number;
}

/** The domains of a service. */
export interface ServiceDomains {
  readonly service: ServiceNumber;
  readonly names: readonly string[];
}

export class DnsLearner {
  private readonly engine: Engine;
  private readonly kernel: KernelMemory;
  private readonly held: HeldPackets;
  private queue: Queue | null = null;
  private watch: Watch | null = null;
  private services = new Map<string, ServiceNumber[]>();
  private sites = false;
  private readonly told = new Map<string, Told>();
  private readonly counts = new ToldCounts();
  private sweptAt = 0;
  private readonly askers = new Askers();
  /** Name servers whose answers are for all. */
  private readonly resolvers = new Prefixes();
  private readonly packet = createPacket();
  private readonly answer = createDnsAnswer();

  constructor(
    private readonly number: number,
    { engine, kernel }: { readonly engine: Engine; readonly kernel: KernelMemory },
    private readonly boundary: Boundary,
    private readonly clock: () => number,
  ) {
    this.engine = engine;
    this.kernel = kernel;
    this.held = new HeldPackets(kernel, boundary, 'an answer of a name server');
  }

  /** What to look for. `sites`: which registrable domain every address belongs to, as well. */
  setDomains(domains: readonly ServiceDomains[], sites: boolean): void {
    this.services = new Map();
    for (const { service, names } of domains) {
      for (const name of names) this.services.set(name, [...(this.services.get(name) ?? []), service]);
    }
    this.sites = sites;
    if (sites) loadSuffixes();
    const kept = new Set(domains.map(({ service }) => service));
    for (const [key, { isSite, number }] of this.told)
      if (isSite ? !sites : !kept.has(number)) this.forget(key);
  }

  /** Prefixes of name servers that are believed by all. */
  setResolvers(prefixes: readonly string[]): void {
    this.resolvers.set(prefixes);
  }

  /** These parts have been emptied: the kernel hears again what is still true of domains, and of sites, which groups go by. */
  async retell(parts: readonly KernelPart[]): Promise<void> {
    const { kernel } = this;
    for (const { family, words, isSite, number, asker, until } of [...this.told.values()]) {
      if (!parts.includes(isSite ? 'groups' : 'domains')) continue;
      while (!kernel.hasRoom) await kernel.idle();
      const ttlMs = Math.floor(until - this.clock() / 1000);
      if (ttlMs <= 0) continue;
      const named = { family, words, at: 0, ttlMs };
      if (isSite) kernel.learnSite(number, named, asker);
      else kernel.learnDomain(number, named, asker);
    }
  }

  /** Begins or ends to read answers. */
  listen(wanted: boolean): void {
    if (wanted === (this.queue !== null)) return;
    if (!wanted) return this.close();
    const queue = new Queue(this.number, QUEUE_LENGTH);
    this.queue = queue;
    const read = this.boundary.around('answers of name servers', () => {
      while (queue.receive(this.onAnswer) === BATCH && this.queue === queue) queue.flush();
      if (this.queue === queue) queue.flush();
    });
    this.watch = watchReadable(queue.fd, read);
  }

  close(): void {
    this.watch?.close();
    this.watch = null;
    this.queue?.close();
    this.queue = null;
  }

  private readonly onAnswer = (queued: QueuedPacket, memory: Memory): void => {
    const queue = this.queue!;
    const { id } = queued;
    if (this.tryToLearn(queued, memory)) this.held.hold(queue, id);
    else queue.accept(id);
  };

  /** An answer that we cannot read is none of the client's business: it goes on. */
  private tryToLearn(queued: QueuedPacket, memory: Memory): boolean {
    try {
      return this.learn(queued, memory);
    } catch (error) {
      this.boundary.caught('an answer of a name server', error);
      return false;
    }
  }

  /** Tells the kernel what an answer says; false when it says nothing that is wanted and new. */
  private learn(queued: QueuedPacket, memory: Memory): boolean {
    const { packet, answer } = this;
    const { payload, payloadLength, wireLength } = queued;
    const result = decode(packet, memory, payload, payload + payloadLength, wireLength);
    // A long one is cut off: what is there counts.
    const isRead = result === DECODE.OK || result === DECODE.PROTOCOL;
    if (!isRead || packet.protocol !== PROTOCOL.UDP) return false;
    if (packet.sourcePort !== DNS_PORT) {
      this.askers.note(packet.source, packet.sourcePort, queued.hardwareHigh, queued.hardwareLow);
      return false;
    }
    const asker = this.askers.take(packet.destination, packet.destinationPort);
    const isForAll = queued.hook === LOCAL_OUT || this.resolvers.has(packet.source) || this.isOurs();
    if (asker === null && !isForAll) return false;
    const by = isForAll ? null : asker;
    const start = packet.transport + UDP_HEADER;
    if (!decodeDnsAnswer(answer, memory, start, packet.end) || answer.rcode !== 0) return false;
    const services = this.servicesOf(answer.question);
    const site = this.sites ? siteOf(answer.question) : 0;
    let isNew = false;
    for (let i = 0; i < answer.count; i++) {
      const family: Family = answer.families[i] === 6 ? 6 : 4;
      const ttl = Math.min(LIFE_MS.most, Math.max(LIFE_MS.least, answer.ttls[i] * 1000));
      for (const service of services) {
        if (!this.isNews(by, false, service, i, ttl)) continue;
        isNew = true;
        this.kernel.learnDomain(service, { family, words: answer.addresses, at: i * 4, ttlMs: ttl }, by);
      }
      if (site === 0 || !this.isNews(by, true, site, i, ttl)) continue;
      isNew = true;
      const until = this.clock() + ttl * 1000;
      this.engine.learnSite(answer.addresses, i * 4, site, until, by?.host ?? FOR_ALL);
      this.kernel.learnSite(site, { family, words: answer.addresses, at: i * 4, ttlMs: ttl }, by);
    }
    return isNew;
  }

  /** The answer is for the gateway itself: its own name server has asked. */
  private isOurs(): boolean {
    const { destination, family } = this.packet;
    return this.engine.routes.some(({ addresses }) => isInPool(addresses[family], destination, 0));
  }

  /** Services with the name or a domain above it. */
  private servicesOf(name: string): ServiceNumber[] {
    if (this.services.size === 0) return [];
    const found: ServiceNumber[] = [];
    for (let rest = name; rest !== ''; ) {
      found.push(...(this.services.get(rest) ?? []));
      const dot = rest.indexOf('.');
      rest = dot < 0 ? '' : rest.slice(dot + 1);
    }
    return found;
  }

  /** Whether the kernel should hear of an address of the answer: it has not, or half of its time is over. */
  private isNews(
    asker: AskingHost | null,
    isSite: boolean,
    number: number,
    index: number,
    ttlMs: number,
  ): boolean {
    const { addresses, families } = this.answer;
    const family = families[index] === 6 ? 6 : 4;
    const at = index * 4;
    const now = this.clock() / 1000;
    const host = asker?.host ?? FOR_ALL;
    const key = `${isSite ? 'site' : 'service'} ${number} ${formatAddress(addresses, at)} ${host}`;
    const known = this.told.get(key);
    if (known !== undefined && known.newsAt > now) return false;
    this.forget(key);
    this.sweep(now);
    if (asker !== null && this.counts.of(host) >= MOST_TOLD_A_HOST) return false;
    if (this.told.size >= MOST_TOLD) {
      for (const oldest of this.told.keys()) {
        this.forget(oldest);
        break;
      }
    }
    const words = addresses.slice(at, at + 4);
    this.told.set(key, { family, words, isSite, number, asker, newsAt: now + ttlMs / 2, until: now + ttlMs });
    this.counts.add(host, 1);
    return true;
  }

  private forget(key: string): void {
    const told = this.told.get(key);
    if (told === undefined) return;
    this.told.delete(key);
    this.counts.add(told.asker?.host ?? FOR_ALL, -1);
  }

  /** Forgets what is over, now and then. */
  private sweep(now: number): void {
    if (now - this.sweptAt < SWEEP_MS) return;
    this.sweptAt = now;
    for (const [key, { until }] of this.told) if (until <= now) this.forget(key);
  }
}

/** A number for the registrable domain of a name, never 0; by the public suffix list, private suffixes included. */
function siteOf(name: string): number {
  const domain = loadSuffixes().getDomain(name, { allowPrivateDomains: true }) ?? name;
  let hash = 0x811c9dc5;
  for (let i = 0; i < domain.length; i++) hash = Math.imul(hash ^ domain.charCodeAt(i), 0x01000193);
  return hash === 0 ? 1 : hash | 0;
}

type Suffixes = typeof import('tldts');
let suffixes: Suffixes | null = null;

/** Some megabytes that most gateways never need. */
function loadSuffixes(): Suffixes {
  suffixes ??= createRequire(import.meta.url)('tldts') as Suffixes;
  return suffixes;
}
