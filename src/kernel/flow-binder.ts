/** The kernel's connection table as the engine's flow table: what has won is written into it. */
import type { FlowTable } from '../core/contract.js';
import type { RaceId, RouteNumber } from '../core/engine-types.js';
import { fillBoundFlow } from '../core/packets/bound-flow.js';
import type { LocalEnds } from '../core/race/ends.js';
import type { Shard } from '../core/shard.js';
import type { Site } from '../core/site.js';
import type { FlowEntry } from '../wire/netlink/ctnetlink.js';
import type { Additions } from '../wire/netlink/ctnetlink-additions.js';
import { withWindowLabels } from '../wire/netlink/window-labels.js';
import type { Packet } from '../wire/packet.js';
import { ConntrackTable } from './conntrack-table.js';
import { ConntrackWriter } from './conntrack-writer.js';
import { createFlowEntry } from './flow-entry.js';
import { type Marks, routeMark, serviceMark } from './marks.js';
import type { Redirects } from './redirects.js';

export class FlowBinder implements FlowTable {
  readonly table: ConntrackTable;
  private readonly writer: ConntrackWriter;
  private readonly flow = createFlowEntry();
  // BOUNDED: one entry per slot of the race table, written when a race takes the slot.
  private readonly additions: (Additions | null)[];
  private refused: readonly number[] = [];

  /** `hand`: the packet in hand, a reused view. `tellsPayloads`: somebody hears when samples speak. */
  constructor(
    private readonly site: Site,
    private readonly shard: Shard,
    private readonly marks: Marks,
    private readonly hand: { readonly packet: Packet; readonly redirects: Redirects },
    readonly tellsPayloads: boolean,
  ) {
    this.table = new ConntrackTable(marks);
    this.writer = new ConntrackWriter(this.table);
    this.additions = new Array(shard.races.slots).fill(null);
  }

  /** What the entry of a race's set-up has, and the one that takes its place shall have. */
  keep(race: RaceId, additions: Additions | null): void {
    this.additions[race] = additions;
  }

  commit(race: RaceId, route: RouteNumber): void {
    this.writer.add(this.flowOf(race, route), this.shard.races.isFlow(race, route));
  }

  release(race: RaceId): void {
    this.writer.unmark(this.flowOf(race, this.shard.races.carrier[race]), this.marks.sample);
  }

  remove(race: RaceId): void {
    this.table.remove(this.flowOf(race, this.shard.races.carrier[race]));
  }

  knowsAnswer(): boolean {
    return this.table.markOfAnswer(this.hand.packet) !== 0;
  }

  endsOf(out: LocalEnds): boolean {
    return this.table.endsOf(this.hand.packet, out);
  }

  isTaken(race: RaceId, route: RouteNumber): boolean {
    return this.table.isTaken(this.flowOf(race, route));
  }

  /** Writes what was committed since the last time. */
  write(): void {
    this.refused = this.writer.flush();
  }

  /** Entries since start: those that are, or were, in the table, and those whose ends another flow has. */
  get entries(): { written: number; taken: number } {
    return { written: this.writer.written, taken: this.writer.taken };
  }

  /** Whether the entry of the n-th of these is there: also when an old one had to give way first. */
  isBound(index: number): boolean {
    return this.refused.length === 0 || !this.refused.includes(index);
  }

  close(): void {
    this.writer.close();
    this.table.close();
  }

  private flowOf(race: RaceId, route: RouteNumber): FlowEntry {
    const { flow, marks } = this;
    const { races, openings, samples } = this.shard;
    fillBoundFlow(races, race, route, flow);
    flow.turned = this.hand.redirects.of(race, route);
    const shown = races.shown[race];
    flow.isAnew = openings.isDecided(race) && shown !== route;
    flow.shift = flow.isAnew
      ? (openings.sequenceOf(race, shown) - openings.sequenceOf(race, route)) >>> 0
      : 0;
    // Raced, it is not rescuable: its route has answered.
    flow.mark =
      (routeMark(marks, route) |
        serviceMark(marks, races.service[race]) |
        marks.chosen |
        // While another route may take it over the daemon sees what its client says.
        (openings.isShown(race) ? marks.held : 0) |
        (samples.has(race) ? marks.sample : 0) |
        (this.site.countsSessions ? marks.counted : 0)) >>>
      0;
    flow.additions = flow.isAnew ? this.additionsAnew(race, route) : this.additions[race];
    return flow;
  }

  /** What the entry has besides that takes the place of that of another route. */
  private additionsAnew(race: RaceId, route: RouteNumber): Additions | null {
    const { openings, races } = this.shard;
    const shifts = this.site.protocols[races.protocol[race]].opening?.shifts(
      openings.clientOfferOf(race),
      openings.offerOf(race, races.shown[race]),
      openings.offerOf(race, route),
    );
    const isSame = shifts === undefined || (shifts.reply === 0 && shifts.original === 0);
    return isSame ? this.additions[race] : withWindowLabels(this.additions[race], shifts);
  }
}
