/**
 * Cuts flows in the background: their entries go, by netlink, many with one system call; TCP clients are reset, so that applications
 * reconnect now; the next datagram of any other is a new flow. Between two pieces everything else has its turn, and other programs
 * the ruleset.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { buildTcp, type Ends } from '../wire/build.js';
import { DELETE_LENGTH, encodeDeleteEntry } from '../wire/netlink/ctnetlink.js';
import type { Entry } from '../wire/netlink/ctnetlink-entry.js';
import { addAddress, addPort, createKey, keyOf } from '../wire/netlink/nft-elements.js';
import { FLAG, PROTOCOL } from '../wire/packet.js';
import { SET_RESET } from './constants.js';
import { ElementWriter } from './element-writer.js';
import { eachEntryInSlices, nextTurn, SLICE_MS } from './entry-slices.js';
import type { FastPath } from './fast-path.js';
import { E } from './ffi.js';
import { createListedFlow, FlowList, type ListedFlow } from './flow-list.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';
import { RawSocket } from './raw-socket.js';

/** Flows that are being cut, or were. */
export interface Cut {
  /** Resolves with how many there are to cut, when all connections have been looked at. */
  readonly counted: Promise<number>;
  /** Resolves when it is over, with how many were cut; what fails on the way is done again until then. */
  readonly done: Promise<number>;
  /** How many are cut by now, and how many are not yet, as far as they are known. */
  readonly cut: number;
  readonly left: number;
}

export interface CutterContext {
  readonly families: readonly (4 | 6)[];
  /** The mark of packets of our own. */
  readonly own: number;
  readonly fastPath: Pick<FastPath, 'without'>;
  failed(error: unknown): void;
  worked(): void;
}

/** Flows of one piece: their clients' elements, then their entries, then a word to their clients. */
const PIECE = 4000;
/** A power of two that a piece fits into. */
const WRITER_CAPACITY = 4096;
/** Entries deleted with one system call; all may be refused, each with a message of its own. */
const DELETIONS = 64;
const RECEIVE_BUFFER = 512 * 1024;
/** Between two pieces: `nft` reads a ruleset anew whenever elements are added meanwhile. */
const PAUSE_MS = 25;
/** Cuts that run at one time; further ones wait. */
const MOST_AT_ONCE = 8;
/** What has just left a flowtable is busy until the kernel has cleaned up behind it. */
const REMOVALS = 20;
const REMOVAL_PAUSE_MS = 50;
const AGAIN_MS = 1000;
/** At the end of the gateway: as fast as the kernel takes it, for this long. */
const HURRY_MS = 3000;

export class FlowCutter {
  /** Flows cut since start. */
  count = 0;

  // BOUNDED: by its callers: commands come one after the other, and a route and family falls once at a time.
  private readonly jobs = new Set<Job>();
  /** Pieces of several cuts go one after the other, so a small one does not wait for a large one. */
  private turn: Promise<unknown> = Promise.resolve();
  private running = 0;
  /** While anything is cut. */
  private writer: ElementWriter | null = null;
  // BOUNDED: PIECE.
  private piece: ListedFlow[] = [];
  private waiting: (() => void)[] = [];
  private hurries = false;
  private abandoned = false;

  constructor(private readonly context: CutterContext) {}

  /** Begins to cut all flows that are chosen among those which are there now. */
  start(isChosen: (entry: Entry) => boolean): Cut {
    const job = new Job();
    this.jobs.add(job);
    const done = this.run(job, isChosen).finally(() => {
      this.jobs.delete(job);
      job.tellCount(0);
      if (this.jobs.size === 0) this.closeWriter();
    });
    job.cutting = {
      counted: job.counted,
      done,
      get cut() {
        return job.cut;
      },
      get left() {
        return job.list.length;
      },
    };
    return job.cutting;
  }

  /** What has begun and is not over. */
  underWay(): Cut[] {
    return [...this.jobs].map(({ cutting }) => cutting);
  }

  /** Flows that are known and not cut yet, of all cuts under way. */
  get left(): number {
    let left = 0;
    for (const { list } of this.jobs) left += list.length;
    return left;
  }

  /** Frees the entries of some flows without a word to anybody; how many went. */
  remove(flows: FlowList): Promise<number> {
    const before = flows.length;
    return this.inTurn(async () => before - (await this.delete(flows)).length);
  }

  /** Cuts what is left, without a word to clients; what that does not reach in three seconds stays, and is counted. */
  async close(): Promise<number> {
    this.hurries = true;
    const timer = setTimeout(() => {
      this.abandoned = true;
    }, HURRY_MS);
    while (this.jobs.size > 0 && !this.abandoned) await sleep(5);
    clearTimeout(timer);
    const { left } = this;
    this.abandoned = true;
    return left;
  }

  private async run(job: Job, isChosen: (entry: Entry) => boolean): Promise<number> {
    await this.begin();
    try {
      await this.find(job, isChosen);
      job.tellCount(job.list.length);
      while (job.list.length > 0 && !this.abandoned) await this.tryToCut(job);
      return job.cut;
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }

  private async tryToCut(job: Job): Promise<void> {
    try {
      await this.context.fastPath.without(() => this.cutAll(job));
      this.context.worked();
    } catch (error) {
      this.context.failed(error);
      if (!this.hurries) await sleep(AGAIN_MS);
    }
  }

  private async begin(): Promise<void> {
    if (this.running >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running++;
  }

  private async find(job: Job, isChosen: (entry: Entry) => boolean): Promise<void> {
    while (!this.abandoned) {
      try {
        job.list = new FlowList();
        const visit = (entry: Entry): void => {
          if (isChosen(entry)) job.list.add(entry);
        };
        await eachEntryInSlices(this.context.families, visit, () => this.abandoned);
        this.context.worked();
        return;
      } catch (error) {
        this.context.failed(error);
        if (!this.hurries) await sleep(AGAIN_MS);
      }
    }
  }

  private async cutAll(job: Job): Promise<void> {
    let busy = new FlowList();
    while (job.list.length > 0 && !this.abandoned) {
      await this.inTurn(() => this.cutPiece(job, busy));
      if (job.list.length > 0 && !this.hurries) await sleep(PAUSE_MS);
    }
    for (let attempt = 1; attempt < REMOVALS && busy.length > 0 && !this.abandoned; attempt++) {
      await sleep(REMOVAL_PAUSE_MS);
      const before = busy.length;
      busy = await this.inTurn(() => this.delete(busy));
      this.note(job, before - busy.length);
    }
  }

  private async cutPiece(job: Job, busy: FlowList): Promise<void> {
    const piece = this.take(job.list);
    let isCut = false;
    try {
      const tcp = this.hurries ? [] : piece.filter(({ protocol }) => protocol === PROTOCOL.TCP);
      // First the set that answers the clients, then the entries: nothing slips through in between.
      await this.declareReset(tcp);
      const list = new FlowList();
      for (const flow of piece) list.add(flow);
      const still = await this.delete(list);
      this.note(job, piece.length - still.length);
      const flow = createListedFlow();
      while (still.take(flow)) busy.add(flow);
      isCut = true;
      await this.poke(tcp);
    } catch (error) {
      if (!isCut) for (const flow of piece) job.list.add(flow);
      throw error;
    }
  }

  /** The next flows of a list; the values are used again by the next piece. */
  private take(list: FlowList): readonly ListedFlow[] {
    let count = 0;
    for (; count < PIECE && list.length > 0; count++) {
      if (this.piece.length === count) this.piece.push(createListedFlow());
      list.take(this.piece[count]);
    }
    return this.piece.slice(0, count);
  }

  private note(job: Job, cut: number): void {
    job.cut += cut;
    this.count += cut;
  }

  /** Resolves when the kernel has them. A set that is full is no reason to keep flows that have to go: their clients find out by themselves. */
  private async declareReset(flows: readonly ListedFlow[]): Promise<void> {
    if (flows.length === 0) return;
    this.writer ??= new ElementWriter({
      onRefused() {},
      onMissing() {},
      capacity: WRITER_CAPACITY,
      batch: PIECE,
    });
    const key = createKey();
    for (const { family, client, clientPort, destination, destinationPort } of flows) {
      addPort(keyOf(key, family, client), clientPort);
      addPort(addAddress(key, family, destination), destinationPort);
      this.writer.put(SET_RESET[family], key, null, 0);
    }
    await this.writer.idle();
  }

  private closeWriter(): void {
    this.writer?.close().catch((error: unknown) => this.context.failed(error));
    this.writer = null;
    this.piece = [];
  }

  /** Returns those that the kernel keeps for the moment. */
  private async delete(flows: FlowList): Promise<FlowList> {
    const socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: DELETIONS * DELETE_LENGTH });
    socket.setReceiveBuffer(RECEIVE_BUFFER);
    const sent = Array.from({ length: DELETIONS }, createListedFlow);
    const busy = new FlowList();
    const onError = (error: number, sequence: number): void => {
      if (error === E.BUSY && sequence < DELETIONS) busy.add(sent[sequence]);
    };
    try {
      let sliceEnds = performance.now() + SLICE_MS;
      while (flows.length > 0 && !this.abandoned) {
        let count = 0;
        while (count < DELETIONS && flows.take(sent[count])) {
          encodeDeleteEntry(socket.writer, sent[count], count);
          count++;
        }
        socket.flush();
        while (socket.read(onError, null)) {
          // Until nothing is left: what is refused is told before send has returned.
        }
        if (performance.now() < sliceEnds) continue;
        await nextTurn();
        sliceEnds = performance.now() + SLICE_MS;
      }
    } finally {
      socket.close();
    }
    return busy;
  }

  /**
   * A client that only waits would not notice. An unacceptable segment from the server makes it answer with an ACK
   * (RFC 9293 section 3.10.7.4), and the kernel answers that with the exact reset.
   */
  private async poke(flows: readonly ListedFlow[]): Promise<void> {
    for (const family of this.context.families) {
      const of = flows.filter((flow) => flow.family === family);
      if (of.length === 0) continue;
      const raw = new RawSocket(family, () => {});
      let sliceEnds = performance.now() + SLICE_MS;
      for (const flow of of) {
        raw.commit(buildTcp(toClient(flow), 0, 0, FLAG.ACK, raw.begin()), this.context.own, -1);
        if (performance.now() < sliceEnds) continue;
        raw.flush();
        await nextTurn();
        sliceEnds = performance.now() + SLICE_MS;
      }
      raw.flush();
      raw.close();
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}

class Job {
  cutting!: Cut;
  list = new FlowList();
  cut = 0;
  tellCount!: (count: number) => void;
  readonly counted = new Promise<number>((resolve) => {
    this.tellCount = resolve;
  });
}

function toClient({ family, client, clientPort, destination, destinationPort }: ListedFlow): Ends {
  return {
    family,
    source: destination,
    sourceAt: 0,
    sourcePort: destinationPort,
    destination: client,
    destinationAt: 0,
    destinationPort: clientPort,
  };
}
