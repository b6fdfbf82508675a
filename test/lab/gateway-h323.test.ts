/**
 * Calls of H.323, word for word: the control connection and the media go where the signalling goes, though the services would send them
 * elsewhere, and what the server sends first arrives. One call written field by field, and a captured one where the capture is there.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CALL_PROCEEDING, RELEASE_COMPLETE, setup, tpkt } from '../../bench/signalling/h225.js';
import { media4, OPEN_AUDIO, openAck, openMessage } from '../../bench/signalling/h245.js';
import { GROUND } from '../../lab/beside/index.js';
import type { Child } from '../../lab/rpc.js';
import { capturedPayloads, hasCapture } from '../arbitrary/captured-payloads.js';
import { boundIn, datagramSocket } from './support/datagram-socket.js';
import { eventually, GatewayLab, NEAR } from './support/gateway-lab.js';

const CLIENT = '10.0.0.2';
/** Of provider b, which the signalling goes by. */
const OUTSIDE = '203.0.2.2';
const SIGNALLING = 1720;
const SERVICES = [
  { name: 'calls', match: { tcp: SIGNALLING }, select: 'b' },
  { name: 'all', match: 'any', select: 'a' },
];

/** A word of a conversation: which connection, by its port at the server, and who says it. */
interface Word {
  readonly port: number;
  readonly isClients: boolean;
  readonly bytes: Uint8Array;
}

interface Conversation {
  readonly words: readonly Word[];
  readonly control: number;
  readonly media: { readonly client: number; readonly server: number };
}

const ours = (port: number, bytes: Uint8Array): Word => ({ port, isClients: true, bytes });
const theirs = (port: number, bytes: Uint8Array): Word => ({ port, isClients: false, bytes });

/** The same with other addresses: all of them are four bytes long. */
function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const [old, now] = [from, to].map((text) => Buffer.from(text.split('.').map(Number)));
  const made = Buffer.from(bytes);
  for (let at = made.indexOf(old); at >= 0; at = made.indexOf(old, at + 4)) now.copy(made, at);
  return made;
}

/** As the caller says it. */
function byCaller(bytes: Uint8Array): Uint8Array {
  const said = Uint8Array.from(bytes);
  said[6] &= 0x7f;
  return replaced(said, '192.168.1.10', CLIENT);
}

function written(): Conversation {
  const [control, client, server] = [4000, 5000, 6000];
  const S = NEAR.split('.').map(Number);
  const ack = openAck({ media: media4(S, server), control: media4(S, server + 1) });
  return {
    control,
    media: { client, server },
    words: [
      ours(SIGNALLING, byCaller(setup())),
      theirs(SIGNALLING, replaced(CALL_PROCEEDING, '203.0.113.5', NEAR)),
      ours(control, replaced(tpkt(openMessage(OPEN_AUDIO)), '192.168.1.10', CLIENT)),
      theirs(control, tpkt(ack)),
    ],
  };
}

/** Of the capture the call from port 32803; it has every packet twice. */
function captured(): Conversation {
  const seen = new Set<string>();
  const words = capturedPayloads('h323.pcap').flatMap(({ sourcePort, destinationPort, bytes }): Word[] => {
    const key = `${sourcePort} ${Buffer.from(bytes).toString('hex')}`;
    const isOfCall = sourcePort === 32803 || destinationPort === 32803;
    const isOfControl = sourcePort === 1232 || destinationPort === 1232;
    if (seen.has(key) || !(isOfCall || isOfControl)) return [];
    seen.add(key);
    const said = replaced(replaced(bytes, '10.1.6.18', NEAR), '10.1.3.143', CLIENT);
    const port = isOfCall ? SIGNALLING : 1232;
    return [{ port, isClients: destinationPort === port, bytes: said }];
  });
  return { words, control: 1232, media: { client: 5000, server: 2006 } };
}

describe.each([
  ['written field by field', true, written],
  ['captured', hasCapture('h323.pcap'), captured],
] as const)('a call that was %s', (_, isThere, conversation) => {
  let made: GatewayLab;
  let client: Child;
  let server: Child;

  beforeAll(async () => {
    if (!isThere) return;
    made = await GatewayLab.start(GROUND, { config: { services: SERVICES } as never });
    client = made.lab.client().child('children/talk');
    server = made.lab.server('near').child('children/talk');
  });

  afterAll(() => made?.stop());

  test.skipIf(!isThere)('is followed with all that belongs to it', async () => {
    const { lab } = made;
    const { words, control, media } = conversation();
    for (const port of [SIGNALLING, control])
      await server.ask('listen', { name: String(port), address: NEAR, port });
    const phone = datagramSocket('udp4');
    const far = datagramSocket('udp4');
    const got: string[] = [];
    phone.on('message', (bytes) => got.push(String(bytes)));
    await boundIn(lab.client().namespace, phone, media.client, CLIENT);
    await boundIn(lab.server('near').namespace, far, media.server, NEAR);
    await lab.wire.reset();
    const begun = new Set<number>();
    const said = { client: new Map<number, number>(), server: new Map<number, number>() };
    for (const { port, isClients, bytes } of words) {
      const name = String(port);
      if (!begun.has(port)) await client.ask('connect', { name, address: NEAR, port });
      begun.add(port);
      const [from, to, counts] = isClients ? [client, server, said.client] : [server, client, said.server];
      await eventually(
        () => from.ask<number>('heard', { name }),
        (heard) => heard >= 0,
        2000,
      );
      await from.ask('say', { name, hex: Buffer.from(bytes).toString('hex') });
      const all = (counts.get(port) ?? 0) + bytes.length;
      counts.set(port, all);
      const heard = await eventually(
        () => to.ask<number>('heard', { name }),
        (count) => count >= all,
        3000,
      );
      expect(heard).toBe(all);
    }
    expect((await made.status()).calls!.h323).toMatchObject({ started: 1, active: 1 });
    // The server is the first to send.
    far.send('voice', media.client, OUTSIDE);
    await eventually(
      async () => got.length,
      (count) => count > 0,
      2000,
    );
    expect(got).toEqual(['voice']);
    phone.send('answer', media.server, NEAR);
    await client.ask('say', {
      name: String(SIGNALLING),
      hex: Buffer.from(byCaller(RELEASE_COMPLETE)).toString('hex'),
    });
    await client.ask('end', { name: String(SIGNALLING) });
    const after = await eventually(
      async () => (await made.status()).calls!.h323,
      ({ active }) => active === 0,
      2000,
    );
    expect(after).toEqual({ started: 1, ended: 1, active: 0 });
    const passed = (await lab.wire.trace({})).filter(({ length }) => length > 0);
    const ways = passed.map((one) => {
      const port = one.direction === 'out' ? one.destinationPort : one.sourcePort;
      return `${one.protocol} ${port} ${one.provider}`;
    });
    expect([...new Set(ways)].sort()).toEqual(
      [`tcp ${SIGNALLING} b`, `tcp ${control} b`, `udp ${media.server} b`].sort(),
    );
    phone.close();
    far.close();
  });
});

describe('a control connection that the server opens', () => {
  const [port, media] = [3000, { client: 5000, server: 6000 }];

  async function called(
    made: GatewayLab,
  ): Promise<{ client: Child; server: Child; opens(): Promise<boolean> }> {
    const client = made.lab.client().child('children/talk');
    const server = made.lab.server('near').child('children/talk');
    await server.ask('listen', { name: 'call', address: NEAR, port: SIGNALLING });
    await client.ask('listen', { name: 'control', address: CLIENT, port });
    await client.ask('connect', { name: 'call', address: NEAR, port: SIGNALLING });
    // It names the port at its private address.
    await client.ask('say', { name: 'call', hex: Buffer.from(byCaller(setup())).toString('hex') });
    await eventually(
      () => server.ask<number>('heard', { name: 'call' }),
      (count) => count > 0,
      2000,
    );
    const opens = async (): Promise<boolean> => {
      const connecting = server.ask('connect', { name: 'control', address: OUTSIDE, port }).then(
        () => true,
        () => false,
      );
      const late = new Promise<boolean>((done) => setTimeout(() => done(false), 2500));
      return Promise.race([connecting, late]);
    };
    return { client, server, opens };
  }

  test('arrives, is read, and so are the media that it speaks of', async () => {
    const made = await GatewayLab.start(GROUND, { config: { services: SERVICES } as never });
    const phone = datagramSocket('udp4');
    const far = datagramSocket('udp4');
    try {
      const { client, server, opens } = await called(made);
      await made.lab.wire.reset();
      expect(await opens()).toBe(true);
      await eventually(
        () => client.ask<number>('heard', { name: 'control' }),
        (count) => count >= 0,
        2000,
      );
      const says = (from: Child, bytes: Uint8Array) =>
        from.ask('say', { name: 'control', hex: Buffer.from(bytes).toString('hex') });
      const S = NEAR.split('.').map(Number);
      const ack = openAck({ media: media4(S, media.server), control: media4(S, media.server + 1) });
      await says(client, replaced(tpkt(openMessage(OPEN_AUDIO)), '192.168.1.10', CLIENT));
      await says(server, tpkt(ack));
      await eventually(
        () => client.ask<number>('heard', { name: 'control' }),
        (count) => count >= tpkt(ack).length,
        3000,
      );
      const got: string[] = [];
      phone.on('message', (bytes) => got.push(String(bytes)));
      await boundIn(made.lab.client().namespace, phone, media.client, CLIENT);
      await boundIn(made.lab.server('near').namespace, far, media.server, NEAR);
      far.send('voice', media.client, OUTSIDE);
      await eventually(
        async () => got.length,
        (count) => count > 0,
        2000,
      );
      expect(got).toEqual(['voice']);
      const passed = (await made.lab.wire.trace({})).filter(({ protocol }) => protocol === 'tcp');
      const ofControl = passed.filter((one) => [one.sourcePort, one.destinationPort].includes(port));
      expect(new Set(ofControl.map(({ provider }) => provider))).toEqual(new Set(['b']));
      const own = ofControl.filter(({ direction }) => direction === 'out');
      expect(new Set(own.map(({ source }) => source))).toEqual(new Set([OUTSIDE]));
      // Nobody waits at another port.
      const other = made.lab.server('near').child('children/talk');
      const stranger = other.ask('connect', { name: 'x', address: OUTSIDE, port: port + 1 }).then(
        () => true,
        () => false,
      );
      expect(await Promise.race([stranger, new Promise((done) => setTimeout(() => done(false), 1500))])).toBe(
        false,
      );
    } finally {
      phone.close();
      far.close();
      await made.stop();
    }
  });

  test('does not arrive without `follow`', async () => {
    const made = await GatewayLab.start(GROUND, { config: { services: SERVICES, follow: 'none' } as never });
    try {
      const { opens } = await called(made);
      expect(await opens()).toBe(false);
    } finally {
      await made.stop();
    }
  });
});

describe('without `follow`', () => {
  test('the control connection goes where everything goes, and nobody counts', async () => {
    const made = await GatewayLab.start(GROUND, { config: { services: SERVICES, follow: 'none' } as never });
    try {
      const client = made.lab.client().child('children/talk');
      const server = made.lab.server('near').child('children/talk');
      const { words, control } = written();
      for (const port of [SIGNALLING, control]) {
        await server.ask('listen', { name: String(port), address: NEAR, port });
        await client.ask('connect', { name: String(port), address: NEAR, port });
      }
      await client.ask('say', { name: String(SIGNALLING), hex: Buffer.from(words[0].bytes).toString('hex') });
      await client.ask('say', { name: String(control), hex: Buffer.from(words[2].bytes).toString('hex') });
      const out = await eventually(
        () => made.lab.wire.trace({ direction: 'out' }),
        (all) => all.filter(({ length }) => length > 0).length >= 2,
        2000,
      );
      const ways = out
        .filter(({ length }) => length > 0)
        .map((one) => `${one.destinationPort} ${one.provider}`);
      expect([...new Set(ways)].sort()).toEqual([`${SIGNALLING} b`, `${control} a`].sort());
      expect((await made.status()).calls!.h323.started).toBe(0);
    } finally {
      await made.stop();
    }
  });
});
