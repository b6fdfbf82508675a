/** A race and a rescue as they were on the wires of the simulator, and on that of its client. */
import { formatAddress } from '../../src/model/address.js';
import { readPacket } from '../../src/sim/packets.js';
import type { Link, Provider } from '../../src/sim/scenario.js';
import type { WirePacket } from '../../src/sim/wire-trace.js';
import { serviceOver, World, type WorldOptions } from '../../src/sim/world.js';
import { FLAG, type Packet } from '../../src/wire/packet.js';
import type { Message, Sequence, Step } from './sequence.js';

const NAMES = ['fiber', 'cable', 'lte'] as const;
const ALL = [1, 2, 3];
/** Between client and gateway, one way. */
const LAN_MS = 0.2;

/** All routes at once; the first answer carries the connection, the others are told. */
export function raceSequence(): Sequence {
  const site = new Tapped([{ delayMs: 13 }, { delayMs: 9 }, { delayMs: 0, blackhole: true }]);
  site.world.connect({ at: 1, bytes: 100 });
  site.world.runUntil(60);
  const [answer] = site.world.trace.filter({ kind: 'synack', provider: 2 });
  return {
    title: 'A race: fiber 26 ms, cable 18 ms, lte a silent black hole',
    providers: NAMES,
    steps: site.steps(1, 60, [{ atMs: answer.at / 1000 - 1, remark: 'cable has won: conntrack entry' }]),
  };
}

/** A remembered route has gone silent: the repeat of the SYN is raced over all of them. */
export function rescueSequence(): Sequence {
  const site = new Tapped([{ delayMs: 9 }, { delayMs: 13 }, { delayMs: 20 }], {
    services: [serviceOver(ALL, { affinity: 'none' })],
    memory: { stagger: 'never' },
  });
  site.world.connect({ at: 1, bytes: 10, closes: true });
  site.world.runUntil(5000);
  site.world.provider('fiber').set({ blackhole: true });
  const begin = 5001;
  site.world.connect({ at: begin, bytes: 100 });
  site.world.runUntil(begin + 1100);
  return {
    title: 'A rescue: the destination is remembered by fiber, which has gone silent since',
    providers: NAMES,
    steps: site.steps(begin, begin + 1100, [
      { atMs: LAN_MS, remark: 'the kernel remembers fiber' },
      { atMs: 1000 + LAN_MS, remark: 'a repeat: the others are asked' },
    ]),
  };
}

/** A world whose LAN is heard as well. */
class Tapped {
  readonly world: World;
  private readonly lan: {
    readonly at: number;
    readonly direction: 'out' | 'in';
    readonly bytes: Uint8Array;
  }[] = [];

  constructor(links: readonly Partial<Link>[], options: WorldOptions = {}) {
    const providers: Provider[] = links.map((link, at) => ({ name: NAMES[at], link }));
    this.world = new World(
      { providers },
      {
        ...options,
        lanMicros: LAN_MS * 1000,
        lanLoses: (bytes, direction) => {
          const at = this.world.schedule.now;
          this.lan.push({ at, bytes, direction: direction === 'to-client' ? 'out' : 'in' });
          return false;
        },
      },
    );
  }

  /** What was on all wires in this time, milliseconds; times of the result begin with it. */
  steps(fromMs: number, toMs: number, remarks: readonly Step[]): readonly Step[] {
    const inTime = ({ at }: { readonly at: number }): boolean => at >= fromMs * 1000 && at < toMs * 1000;
    const inside = this.lan.filter(inTime).map(({ at, direction, bytes }): Message => {
      return { atMs: at / 1000 - fromMs, lane: 0, direction, label: labelOf(readPacket(bytes)!) };
    });
    const outside = this.world.trace.packets.filter(inTime).map((packet) => outsideMessage(packet, fromMs));
    // Of one moment: what comes in before what leaves because of it, and the remark between them.
    const order = (step: Step): number => ('remark' in step ? 1 : step.direction === 'in' ? 0 : 2);
    return [...remarks, ...inside, ...outside]
      .map((step, at) => ({ step, at }))
      .sort((a, b) => a.step.atMs - b.step.atMs || order(a.step) - order(b.step) || a.at - b.at)
      .map(({ step }) => step);
  }
}

function outsideMessage(packet: WirePacket, fromMs: number): Message {
  return {
    atMs: packet.at / 1000 - fromMs,
    lane: packet.provider,
    direction: packet.direction,
    label: labelOf(readPacket(packet.bytes)!),
    lost: packet.fate !== 'passed',
  };
}

/** `SYN from 203.0.1.2:8192`, `SYN+ACK to 203.0.1.2:8192`: with the end that is not the server. */
export function labelOf(packet: Packet): string {
  const names = Object.entries(FLAG).filter(([, bit]) => (packet.flags & bit) !== 0);
  const length = packet.payloadEnd - packet.payload;
  const what = packet.protocol === 17 ? 'UDP' : names.map(([name]) => name).join('+');
  const size = length > 0 ? ` ${length} bytes` : '';
  const end =
    packet.sourcePort === SERVER_PORT
      ? `to ${formatAddress(packet.destination)}:${packet.destinationPort}`
      : `from ${formatAddress(packet.source)}:${packet.sourcePort}`;
  return `${what}${size} ${end}`;
}

const SERVER_PORT = 443;
