/** Runs a case on a subject and checks it. */
import { expect } from 'vitest';
import { complete, type Family, type FullScenario } from '../../src/sim/scenario.js';
import {
  type AnswerByHand,
  type Case,
  DARK,
  type Expected,
  type OddOpening,
  type Opening,
  type Step,
  type Word,
} from './case.js';
import { BYTES, PORT } from './ports.js';
import { account, expectPromises } from './promises.js';
import { Seen, type SeenConnection, stories, story } from './seen.js';
import type { Connection, Ends, OddSyn, OnWire, Subject } from './subject.js';

/** A program waits this long for its connection, unless it says otherwise. */
const PATIENCE_MS = 10_000;
/** What must not come has come by then. */
const QUIET_MS = 150;
/** Until the servers have forgotten what was reset; a lost reset is made good after a second. */
const HALF_OPEN_MS = 3500;
const COPY_MS = 4000;
const STEP_MS = 10;
const MSS_1460 = [2, 4, 5, 180];
const FLAG_BITS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, A: 16 };

/** Everything that happens in a case; its record. */
export async function run(subject: Subject, which: Case, family: Family): Promise<Seen> {
  const scenario = complete(which.site.scenario);
  const runner = new Runner(subject, scenario, family);
  for (const step of which.steps) await runner.perform(step);
  await runner.settle();
  return new Seen(await subject.observe(), scenario, family);
}

/** Throws when the record is not what the case expects; with the whole record. */
export function check(which: Case, seen: Seen): void {
  try {
    expect(seen.connections.length, 'connections').toBe(which.expect.length);
    for (const [index, expected] of which.expect.entries()) {
      expectConnection(seen, seen.connection(index), expected);
    }
    expectServers(seen, which.expect);
    which.check?.(seen);
    expectPromises(seen, which);
  } catch (error) {
    if (error instanceof Error) error.message += `\n\n${account(seen)}`;
    throw error;
  }
}

function expectConnection(seen: Seen, connection: SeenConnection, expected: Expected): void {
  const { client } = connection;
  expectStories(stories(connection), expected.routes);
  const atClient = { client: story(connection.lan) };
  expectStories(atClient, { client: expected.client });
  expect(client.outcome).toBe(expected.outcome);
  const [least, below] = expected.ms ?? [0, Number.POSITIVE_INFINITY];
  expect(client.connectMs).toBeGreaterThanOrEqual(least - 1);
  expect(client.connectMs).toBeLessThan(below);
  if (expected.by === undefined) return;
  const carried = carrier(connection);
  expect(carried?.route, 'the route that carries it').toBe(expected.by);
  expect(seen.sourcesOn(expected.by)).toContain(carried?.source);
}

function expectStories(seen: Record<string, Word[]>, expected: Expected['routes']): void {
  const exact = Object.entries(expected).map(([route, words]) => {
    const matches = words instanceof RegExp && words.test((seen[route] ?? []).join(' '));
    return [route, matches ? seen[route] : words];
  });
  expect(seen).toEqual(Object.fromEntries(exact));
}

/** Servers have accepted what clients have connected, byte for byte; to `DARK` nobody has. */
function expectServers(seen: Seen, all: readonly Expected[]): void {
  const dark: readonly string[] = Object.values(DARK);
  const sources = all.flatMap(({ by, outcome }, index) => {
    const connection = seen.connection(index);
    if (by === undefined || outcome !== 'connected' || dark.includes(connection.destination)) return [];
    expect(connection.client.delivered, 'bytes delivered').toBe(true);
    const carried = carrier(connection);
    return [`${carried?.source} ${carried?.sourcePort} ${BYTES} bytes`];
  });
  const accepted = seen.observed.servers.map(
    ({ source, sourcePort, received }) => `${source} ${sourcePort} ${received} bytes`,
  );
  expect(accepted.sort()).toEqual(sources.sort());
}

/** The first packet that the client itself has sent by the route that it was given. */
function carrier({ wire }: SeenConnection): OnWire | undefined {
  return wire.find(({ kind, direction }) => direction === 'out' && ['ack', 'data', 'synack'].includes(kind));
}

class Runner {
  private nextPort: number;

  constructor(
    private readonly subject: Subject,
    private readonly scenario: FullScenario,
    private readonly family: Family,
  ) {
    this.nextPort = subject.firstPort;
  }

  async perform(step: Step): Promise<void> {
    const { subject } = this;
    if ('open' in step) await subject.open(this.connection(step.open));
    else if ('syn' in step) await subject.sendSyn(this.oddSyn(step.syn));
    else if ('answer' in step) await this.answer(step.answer);
    else if ('link' in step) await subject.setLink(step.link, step.set);
    else if ('loses' in step) await subject.drop(step.loses, step.drop);
    else if ('interface' in step) await subject.setInterface(step.interface, step.up);
    else if ('wait' in step) await subject.pass(step.wait);
    else if (step.until === 'all-told') await this.allTold();
    else await this.copiesOn(step.on, step.count);
  }

  /** Nothing happens any more. */
  async settle(): Promise<void> {
    const { subject } = this;
    await this.allTold();
    await subject.pass(QUIET_MS);
    // A connection that stays half open is for the checks to find.
    await this.until(HALF_OPEN_MS, async () => {
      const { halfOpen, onTheWay } = await subject.observe();
      return halfOpen === 0 && onTheWay === 0;
    });
  }

  private async allTold(): Promise<void> {
    const told = async (): Promise<boolean> =>
      this.subject
        .clients()
        .every(({ outcome, delivered }) => (outcome === 'connected' ? delivered : outcome !== 'connecting'));
    if (!(await this.until(2 * PATIENCE_MS, told))) await this.fail('an answer to every program');
  }

  /** The copies that have left by a route, at least so many. */
  private async copiesOn(on: string, count: number): Promise<OnWire[]> {
    let copies: OnWire[] = [];
    const left = async (): Promise<boolean> => {
      const wire = await this.subject.wire();
      copies = wire.filter(
        ({ route, kind, direction }) => route === on && kind === 'syn' && direction === 'out',
      );
      return copies.length >= count;
    };
    if (!(await this.until(COPY_MS, left))) await this.fail(`${count} copies on ${on}`);
    return copies;
  }

  private async until(withinMs: number, holds: () => Promise<boolean>): Promise<boolean> {
    for (let waited = 0; waited < withinMs; waited += STEP_MS) {
      if (await holds()) return true;
      await this.subject.pass(STEP_MS);
    }
    return holds();
  }

  private async fail(what: string): Promise<never> {
    const seen = new Seen(await this.subject.observe(), this.scenario, this.family);
    throw new Error(`waited in vain for ${what}\n${account(seen)}`);
  }

  private async answer({ on, via = on, flags, ackOff = 0, seq = 90_000 }: AnswerByHand): Promise<void> {
    const copy = (await this.copiesOn(on, 1)).at(-1) as OnWire;
    await this.subject.deliver(via, {
      source: copy.destination,
      sourcePort: copy.destinationPort,
      destination: copy.source,
      destinationPort: copy.sourcePort,
      flags: [...flags].reduce((bits, letter) => bits | (FLAG_BITS[letter] ?? 0), 0),
      seq: seq === 'same' ? await this.lastNumberOn(on) : seq,
      ack: flags.includes('A') ? (copy.seq + 1 + ackOff) >>> 0 : 0,
    });
  }

  private async lastNumberOn(on: string): Promise<number> {
    const last = (await this.subject.wire()).findLast(
      ({ route, kind, direction }) => route === on && kind === 'synack' && direction === 'in',
    );
    return last?.seq ?? 0;
  }

  private ends({ client = 0, clientPort, port = PORT, dark = false, to }: Opening | OddOpening): Ends {
    const { family } = this;
    const { servers } = this.scenario;
    const server = servers.find(({ name }) => name === to) ?? servers[0];
    const address = dark ? DARK[family] : (server?.[family][0] ?? '');
    return { family, client, clientPort: clientPort ?? this.nextPort++, address, port };
  }

  private connection(opening: Opening): Connection {
    const { bytes = opening.dark === true ? 0 : BYTES, giveUpMs = PATIENCE_MS } = opening;
    return { ...this.ends(opening), bytes, giveUpMs };
  }

  private oddSyn(opening: OddOpening): OddSyn {
    const { isn = 7_000_000, options = MSS_1460, data = 0, ttl = 64, ipOptions = 0 } = opening;
    return { ...this.ends(opening), isn, options, data, ttl, ipOptions };
  }
}
