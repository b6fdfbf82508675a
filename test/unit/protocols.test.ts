import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Verdict, WireSink } from '../../src/core/contract.js';
import { Engine } from '../../src/core/engine.js';
import { protocolsPage, SHOWN_BY } from '../../src/core/protocols/document.js';
import { FOLLOWED_WORDS } from '../../src/core/protocols/followed.js';
import { PROTOCOLS } from '../../src/core/protocols/index.js';
import { tcp } from '../../src/core/protocols/tcp.js';
import { createShard } from '../../src/core/shard.js';
import { createSite } from '../../src/core/site.js';
import { FOLLOWED } from '../../src/model/calls.js';
import { DEFAULT_MEMORY, DEFAULT_SETTINGS, serviceOver } from '../../src/sim/world.js';
import { createPacket, type Packet, PROTOCOL } from '../../src/wire/packet.js';
import { ask, KIND, MESSAGE_LENGTH } from '../protocols/ask.js';
import { CLIENT, routes, SERVER, words } from '../sim/engine-harness.js';

const ROOT = new URL('../../', import.meta.url);
const GUIDE = readFileSync(new URL('docs/guide/adding-a-protocol.md', ROOT), 'utf8');

describe('the list of protocols', () => {
  it('names each once, and says in words what it does', () => {
    const names = PROTOCOLS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { words: said } of PROTOCOLS)
      for (const text of Object.values(said)) expect(text).toMatch(/^[^|]{5,}$/);
  });

  it('is what docs/protocols.md was made of', () => {
    expect(readFileSync(new URL('docs/protocols.md', ROOT), 'utf8')).toBe(protocolsPage());
  });
});

describe('what follows', () => {
  it('is all that can be followed, and tunnels, and is said in words', () => {
    const read = FOLLOWED_WORDS.map(({ name }) => name);
    const raced = PROTOCOLS.map(({ name }) => name);
    expect([...read, ...raced]).toEqual(expect.arrayContaining([...FOLLOWED, 'tunnels']));
    expect(new Set([...read, ...raced]).size).toBe(read.length + raced.length);
    for (const { words: said } of FOLLOWED_WORDS)
      for (const text of Object.values(said)) expect(text).toMatch(/^[^|]{5,}$/);
  });

  it('is shown by tests that there are, as is all that is raced', () => {
    const names = [...PROTOCOLS, ...FOLLOWED_WORDS].map(({ name }) => name);
    expect(Object.keys(SHOWN_BY).sort()).toEqual(names.sort());
    for (const [name, tests] of Object.entries(SHOWN_BY)) {
      // A proxy's; nothing of the gateway has it yet.
      if (name !== 'socket') expect(tests, name).not.toEqual([]);
      for (const test of tests) {
        const path = `test/${test.includes('/') ? test : `lab/${test}`}.test.ts`;
        expect(existsSync(new URL(path, ROOT)), path).toBe(true);
      }
    }
  });
});

describe('docs/guide/adding-a-protocol.md', () => {
  const blocks = [...GUIDE.matchAll(/```ts\n\/\/ (\S+)\n(.*?)```/gs)];

  it('shows code as it is', () => {
    expect(blocks).toHaveLength(1);
    for (const [, path, code] of blocks) expect(code).toBe(readFileSync(new URL(path, ROOT), 'utf8'));
  });

  it('names files that exist, and every member of the contract', () => {
    for (const [, path] of GUIDE.matchAll(/`((?:src|test|docs)\/[\w/.-]+\.\w+)`/g))
      expect(existsSync(new URL(path, ROOT)), path).toBe(true);
    for (const member of [...Object.keys(tcp), ...Object.keys(tcp.packets!)])
      expect(GUIDE).toContain(`\`${member}\``);
  });
});

/** The engine with the guide's protocol beside TCP: packets are shown to it, and what it does is written down. */
class AskFrontEnd implements WireSink {
  readonly engine: Engine;
  did: string[] = [];
  now = 0;

  constructor() {
    const settings = { ...DEFAULT_SETTINGS, routes: 3, racePorts: { from: 32_768, to: 60_999 } };
    const site = createSite(settings, [tcp, ask]);
    this.engine = new Engine(site, createShard(settings), { wire: this });
    this.engine.setRoutes(routes(3), 0);
    this.engine.setServices([serviceOver([1, 2, 3])], DEFAULT_MEMORY, []);
  }

  client(kind: number, number = 1, port = 7007): Verdict {
    const packet = message(kind, number);
    packet.source.set(CLIENT.address);
    packet.sourcePort = CLIENT.port;
    packet.destination.set(SERVER.address);
    packet.destinationPort = port;
    return this.engine.handle({ kind: 'setup', packet, service: 1, tried: 0 }, this.now);
  }

  server(route: number, kind: number, number = 1): Verdict {
    const packet = message(kind, number);
    packet.source.set(SERVER.address);
    packet.sourcePort = 7007;
    packet.destination.set(words(`203.0.${route}.2`));
    packet.destinationPort = CLIENT.port;
    return this.engine.handle({ kind: 'answer', packet, interfaceIndex: 10 + route, known: true }, this.now);
  }

  attempt(_race: number, route: number): void {
    this.did.push(`attempt ${route}`);
  }
  cancel(_race: number, route: number): void {
    this.did.push(`cancel ${route}`);
  }
  refuse(): void {
    this.did.push('refuse');
  }
  reject(_race: number, route: number): void {
    this.did.push(`reject ${route}`);
  }
}

function message(kind: number, number: number): Packet {
  const packet = createPacket();
  packet.protocol = PROTOCOL.UDP;
  packet.bytes = new Uint8Array(8 + MESSAGE_LENGTH);
  packet.view = new DataView(packet.bytes.buffer);
  packet.end = packet.bytes.length;
  packet.view.setUint8(8, kind);
  packet.view.setInt32(9, number);
  return packet;
}

describe('a protocol that the engine has never heard of', () => {
  it('is raced: the question goes over all routes, the first answer carries', () => {
    const front = new AskFrontEnd();
    expect(front.client(KIND.QUESTION).kind).toBe('drop');
    expect(front.did).toEqual(['attempt 1', 'attempt 2', 'attempt 3']);
    front.now = 7000;
    expect(front.server(2, KIND.ANSWER)).toMatchObject({ kind: 'commit', route: 2 });
    const { memory } = front.engine;
    expect(memory.rttOf(memory.find(SERVER.address, 0), 2)).toBe(7000);
  });

  it('asks again over all routes when the client does, and anew when the number is another one', () => {
    const front = new AskFrontEnd();
    front.client(KIND.QUESTION);
    front.client(KIND.QUESTION);
    expect(front.did).toHaveLength(6);
    expect(front.engine.counters.started).toBe(1);
    front.client(KIND.QUESTION, 2);
    expect(front.engine.counters.started).toBe(2);
    expect(front.engine.latestDecisions(1)[0].reason).toBe('replaced-by-new-connection');
    expect(front.server(1, KIND.ANSWER, 1).kind).toBe('drop');
    expect(front.server(1, KIND.ANSWER, 2).kind).toBe('commit');
  });

  it('waits with a no for the others, and says it when all have said it', () => {
    const front = new AskFrontEnd();
    front.client(KIND.QUESTION);
    front.did = [];
    for (const route of [3, 1]) expect(front.server(route, KIND.NO).kind).toBe('drop');
    expect(front.did).toEqual([]);
    front.server(2, KIND.NO);
    expect(front.did).toEqual(['reject 1']);
  });

  it('is not copied where it must not be, and left to a criterion where it is none of ours', () => {
    const front = new AskFrontEnd();
    expect(front.client(KIND.ORDER)).toMatchObject({ kind: 'release', reason: 'not-a-set-up' });
    expect(front.client(KIND.QUESTION, 1, 53)).toMatchObject({ kind: 'release', route: 1 });
    expect(front.did).toEqual([]);
  });

  it('does not meet TCP with the same addresses and ports', () => {
    const front = new AskFrontEnd();
    front.client(KIND.QUESTION);
    const flow = {
      family: 4,
      source: CLIENT.address,
      sourcePort: CLIENT.port,
      destination: SERVER.address,
      destinationPort: 7007,
    } as const;
    expect(front.engine.races.findFlow({ ...flow, protocol: PROTOCOL.TCP })).toBe(-1);
    expect(front.engine.races.findFlow({ ...flow, protocol: PROTOCOL.UDP })).toBe(0);
  });
});
