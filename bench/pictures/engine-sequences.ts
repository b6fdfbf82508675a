/** A race of datagrams, and one that the first payload decides: what the engine does with them, packet by packet. */

import type { RaceId, RouteNumber } from '../../src/core/engine-types.js';
import { DatagramHarness } from '../../test/sim/datagram-harness.js';
import { type Effect, ISN } from '../../test/sim/engine-harness.js';
import { OpeningHarness, REQUEST } from '../../test/sim/opening-harness.js';
import { dnsMessage, dnsName } from '../fuzz-datagrams.js';
import type { Sequence, Step } from './sequence.js';

const NAMES = ['fiber', 'cable', 'lte'] as const;

/** A question to a name server: a refusal waits, the first full answer wins, what comes later ends at the gateway. */
export function datagramSequence(): Sequence {
  const engine = new DatagramHarness();
  const steps: Step[] = [];
  const atMs = (): number => engine.now / 1000;
  const question = { name: dnsName('www.example'), type: 1 };
  const query = dnsMessage({ id: 7, flags: 0x0100, questions: [question] });
  const answers = [{ name: dnsName('www.example'), type: 1, data: [198, 51, 100, 7] }];
  const full = dnsMessage({ id: 7, flags: 0x8180, questions: [question], answers });
  const refusal = dnsMessage({ id: 7, flags: 0x8182, questions: [question] });

  steps.push({ atMs: 0, lane: 0, direction: 'in', label: 'query A www.example' });
  engine.send(query);
  for (const { route } of engine.sent)
    steps.push({ atMs: 0, lane: route, direction: 'out', label: `query from 203.0.${route}.2` });
  let isDecided = false;
  const reply = (route: RouteNumber, whenMs: number, payload: readonly number[], label: string): void => {
    engine.pass(whenMs - atMs());
    const effects = engine.reply(route, payload).map(({ kind }) => kind);
    steps.push({ atMs: atMs(), lane: route, direction: 'in', label });
    if (effects.includes('commit')) {
      steps.push({ atMs: atMs(), remark: `${NAMES[route - 1]} has won: conntrack entry` });
      steps.push({ atMs: atMs(), lane: 0, direction: 'out', label });
      isDecided = true;
      return;
    }
    if (effects.at(-1) !== 'drop') throw new RangeError(`an answer that is not dropped: ${effects.join()}`);
    steps.push({ atMs: atMs(), remark: isDecided ? 'too late: dropped' : 'held: a no waits for a yes' });
  };
  reply(3, 6, refusal, 'SERVFAIL');
  reply(2, 14, full, 'answer 198.51.100.7');
  reply(1, 22, full, 'answer 198.51.100.7');
  return { title: 'A race of datagrams: a DNS query by three routes', providers: NAMES, steps };
}

/** The handshake by all routes, the first words to all, and the route whose server speaks first takes over. */
export function payloadSequence(): Sequence {
  const engine = new RecordedOpening();
  engine.clientSends('SYN', () => engine.begins());
  engine.at(2, 2, 'SYN+ACK (a proxy)', () => engine.accepts(2));
  engine.clientSends('ACK', () => engine.shakesHands());
  engine.clientSends('GET / HTTP/1.1', () => engine.client(REQUEST));
  engine.at(18, 1, 'SYN+ACK', () => engine.accepts(1));
  engine.at(36, 1, 'HTTP/1.1 200 OK', () => engine.says(1, 'HTTP/1.1 200 OK\r\n\r\n'));
  return {
    title: 'win: first-payload: cable has a proxy that answers every SYN at once',
    providers: NAMES,
    steps: engine.steps,
  };
}

/** Writes down what the engine has sent, and what came to the client. */
class RecordedOpening extends OpeningHarness {
  readonly steps: Step[] = [];

  /** The client's packet, and what becomes of it. */
  clientSends(label: string, send: () => readonly Effect[]): void {
    this.wrote(0, 'in', label);
    const before = this.servers.map(({ words }) => words.length);
    const effects = send();
    const route = this.carrier;
    // What the kernel forwards is no effect of the engine's.
    if (effects.at(-1)?.kind === 'pass' && route > 0) {
      const grew = this.servers[route - 1].words.length > before[route - 1];
      this.wrote(route, 'out', grew ? 'GET / HTTP/1.1' : 'ACK');
    }
  }

  /** A packet of a route's server, at this time. */
  at(ms: number, route: RouteNumber, label: string, send: () => readonly Effect[]): void {
    this.pass(ms - this.now / 1000);
    this.wrote(route, 'in', label);
    const effects = send();
    if (effects.at(-1)?.kind === 'commit') this.wrote(0, 'out', label.replace(' (a proxy)', ''));
  }

  override attempt(race: RaceId, route: RouteNumber): void {
    super.attempt(race, route);
    this.wrote(route, 'out', 'SYN');
  }

  override advance(race: RaceId, route: RouteNumber): void {
    const { state, words } = this.servers[route - 1];
    super.advance(race, route);
    const now = this.servers[route - 1];
    if (state === 'none' && now.words === words) this.wrote(route, 'out', 'ACK');
    if (now.words !== words) this.wrote(route, 'out', 'ACK, GET / HTTP/1.1');
  }

  override cancel(race: RaceId, route: RouteNumber, sequence: number): void {
    super.cancel(race, route, sequence);
    this.wrote(route, 'out', `RST, SEQ = ISN + ${sequence - ISN}`);
  }

  override commit(race: RaceId, route: RouteNumber): void {
    const shown = this.carrier > 0;
    super.commit(race, route);
    const what = shown ? 'takes over: entry written anew' : 'is shown: entry, for now';
    this.steps.push({ atMs: this.now / 1000, remark: `${NAMES[route - 1]} ${what}` });
  }

  private wrote(lane: number, direction: 'in' | 'out', label: string): void {
    this.steps.push({ atMs: this.now / 1000, lane, direction, label });
  }
}
