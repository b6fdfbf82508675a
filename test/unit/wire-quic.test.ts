/** QUIC headers: the packets of the standards, real ones, and ones with something wrong. */
import { describe, expect, it } from 'vitest';
import { fromHex, padded, quicLong, quicVersions, V2, varint, zeros } from '../../bench/fuzz-datagrams.js';
import {
  createQuicDatagram,
  decodeQuic,
  hashConnectionId,
  QUIC,
  QUIC_ANSWER,
  QUIC_START,
  type QuicDatagram,
  quicAnswer,
  quicStart,
} from '../../src/wire/quic.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import {
  datagramsOf,
  decodedBy,
  expectEveryCut,
  expectRefusesOutside,
  hasCapture,
} from '../arbitrary/datagrams.js';

/** RFC 9001 appendix A.2: the client's Initial, 1200 bytes; what is encrypted is left out. */
const CLIENT_INITIAL = padded(
  fromHex('c000000001088394c8f03e5157080000449e7b9aec34 d1b1c98dd7689fb8ec11d242b123dc9b'),
);
/** A.3: the server's Initial. */
const SERVER_INITIAL = fromHex(
  'cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a',
  '5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3',
  'dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84',
  '022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4',
  '2158407dd074ee',
);
/** A.4 and A.5. */
const RETRY = fromHex('ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba');
const SHORT = fromHex('4cfe4189655e5cd55c41f69080575d7999c25a5bfb');
/** RFC 9369 appendix A.2, A.4 and A.5. */
const CLIENT_INITIAL_V2 = padded(
  fromHex('d76b3343cf088394c8f03e5157080000449ea0c95e82 ffe67b6abcdb4298b485dd04de806071'),
);
const RETRY_V2 = fromHex('cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6');

const ID = fromHex('8394c8f03e515708');
const SERVER_ID = fromHex('f067a5502a4262b5');
const BROWSER: readonly number[] = [];

const decode = (payload: readonly number[] | Uint8Array): QuicDatagram | null =>
  decodedBy(decodeQuic, createQuicDatagram, payload);
const hash = (id: readonly number[]): number => hashConnectionId(viewed(Uint8Array.from(id)), 0, id.length);
const start = (payload: readonly number[]): number => {
  const out = decode(payload);
  return out === null ? QUIC_START.NOT_A_START : quicStart(out);
};
const answer = (
  payload: readonly number[],
  destination: readonly number[],
  source: readonly number[],
): number => {
  const out = decode(payload);
  if (out === null) return QUIC_ANSWER.NO;
  return quicAnswer(out, hash(destination), destination.length, hash(source), source.length);
};

describe('the packets of the standards', () => {
  it.each([
    ['RFC 9001 A.2', CLIENT_INITIAL, 1],
    ['RFC 9369 A.2', CLIENT_INITIAL_V2, V2],
  ])('%s: a client’s Initial', (_, payload, version) => {
    expect(payload.length).toBe(1200);
    expect(decode(payload)).toEqual({
      kind: QUIC.INITIAL,
      version,
      hasFixedBit: true,
      destinationAt: 6,
      destinationLength: 8,
      sourceAt: 15,
      sourceLength: 0,
      destinationHash: hash(ID),
      sourceHash: hash([]),
      tokenLength: 0,
      hasInitial: true,
      hasToken: false,
      hasZeroRtt: false,
      isWhole: true,
      isPadded: true,
    });
    expect(start(payload)).toBe(QUIC_START.COPY);
  });

  it('RFC 9001 A.3: a server’s Initial, which answers A.2 and proves nothing', () => {
    expect(decode(SERVER_INITIAL)).toMatchObject({
      kind: QUIC.INITIAL,
      destinationLength: 0,
      sourceAt: 7,
      sourceLength: 8,
      sourceHash: hash(SERVER_ID),
      isWhole: true,
      isPadded: false,
    });
    expect(answer(SERVER_INITIAL, ID, BROWSER)).toBe(QUIC_ANSWER.UNPROVEN);
    expect(start(SERVER_INITIAL)).toBe(QUIC_START.NOT_A_START);
  });

  it.each([
    ['RFC 9001 A.4', RETRY, 1],
    ['RFC 9369 A.4', RETRY_V2, V2],
  ])('%s: Retry', (_, payload, version) => {
    expect(decode(payload)).toMatchObject({ kind: QUIC.RETRY, version, hasInitial: false, isWhole: true });
    expect(answer(payload, ID, BROWSER)).toBe(QUIC_ANSWER.UNPROVEN);
  });

  it('RFC 9001 A.5: a short header', () => {
    decode(quicLong({ type: 'initial', destination: ID, source: ID, token: [1] }));
    expect(decode(SHORT)).toEqual({
      ...createQuicDatagram(),
      kind: QUIC.SHORT,
      hasFixedBit: true,
      destinationHash: hash([]),
      sourceHash: hash([]),
      isWhole: true,
    });
    expect(start(SHORT)).toBe(QUIC_START.NOT_A_START);
    expect(answer(SHORT, ID, BROWSER)).toBe(QUIC_ANSWER.NO);
  });

  it.each([
    ['A.2', CLIENT_INITIAL],
    ['A.3', SERVER_INITIAL],
    ['v2 A.2', CLIENT_INITIAL_V2],
  ])('%s: cut anywhere it is none', (_, payload) => {
    expectEveryCut(decodeQuic, createQuicDatagram, payload, () => false);
    expectRefusesOutside(decodeQuic, createQuicDatagram, payload);
  });

  it('a Retry that is cut is one with another token and tag, until it has no token', () => {
    expectEveryCut(decodeQuic, createQuicDatagram, RETRY, (out, length) => length > 15 + 16 && out.isWhole);
    expectEveryCut(decodeQuic, createQuicDatagram, SHORT, ({ kind }) => kind === QUIC.SHORT);
  });
});

const initial = (more: Partial<Parameters<typeof quicLong>[0]> = {}): number[] =>
  quicLong({ type: 'initial', destination: ID, source: [1, 2, 3, 4], body: zeros(1180), ...more });

describe('what may be copied', () => {
  it.each([1, V2, 0xff00001d, 0xff000022])(
    'an Initial of version %i, with lengths of all sizes',
    (version) => {
      expect(start(initial({ version }))).toBe(QUIC_START.COPY);
      for (const size of [2, 4, 8] as const) expect(start(initial({ version, size }))).toBe(QUIC_START.COPY);
    },
  );

  it('coalesced with a Handshake packet, and padded with zeros behind it', () => {
    const two = [
      ...initial({ body: zeros(40) }),
      ...quicLong({ type: 'handshake', destination: ID, source: [] }),
    ];
    expect(start(two)).toBe(QUIC_START.NOT_A_START);
    expect(decode(padded(two))).toMatchObject({ isWhole: true, isPadded: true, hasInitial: true });
    expect(start(padded(two))).toBe(QUIC_START.COPY);
  });

  it.each([1, V2])('never with a token, of any packet of the datagram (version %i)', (version) => {
    expect(decode(initial({ version, token: [7, 8, 9] }))).toMatchObject({ tokenLength: 3, hasToken: true });
    expect(start(initial({ version, token: [7] }))).toBe(QUIC_START.TOKEN);
    const behind = [...initial({ version }), ...initial({ version, token: zeros(70) })];
    expect(decode(behind)).toMatchObject({ tokenLength: 0, hasToken: true });
    expect(start(behind)).toBe(QUIC_START.TOKEN);
  });

  it.each([1, V2])('never early data, alone or coalesced behind an Initial (version %i)', (version) => {
    const early = quicLong({ type: 'zero-rtt', version, destination: ID, source: [], body: zeros(1200) });
    expect(decode(early)).toMatchObject({ kind: QUIC.ZERO_RTT, hasZeroRtt: true, hasInitial: false });
    expect(start(early)).toBe(QUIC_START.ZERO_RTT);
    expect(start([...initial({ version }), ...early])).toBe(QUIC_START.ZERO_RTT);
    const third = quicLong({ type: 'handshake', version, destination: ID, source: [] });
    expect(start([...initial({ version }), ...third, ...early])).toBe(QUIC_START.ZERO_RTT);
    // Version bits that are those of early data in one version are an Initial's or a Handshake packet's in the other.
    expect(start([...early, ...initial({ version, token: [1] })])).toBe(QUIC_START.ZERO_RTT);
  });

  it('nothing that hides something behind its packets', () => {
    expect(decode([...initial(), 0, 0, 0])).toMatchObject({ isWhole: true });
    expect(decode([...initial(), 0, 0, 1])).toMatchObject({ isWhole: false });
    expect(start([...initial(), 1])).toBe(QUIC_START.NOT_A_START);
    // Cut short by its length: what follows cannot be told.
    expect(
      start([...initial(), ...quicLong({ type: 'handshake', destination: ID, source: [] }).slice(0, -1)]),
    ).toBe(QUIC_START.NOT_A_START);
    const handshake = quicLong({ type: 'handshake', destination: [], source: [] });
    const of = (packets: number): number[] => new Array<number[]>(packets).fill(handshake).flat();
    expect(decode([...initial(), ...of(15)])?.isWhole).toBe(true);
    expect(decode([...initial(), ...of(16)])?.isWhole).toBe(false);
  });

  it('no Initial that servers discard: too small, an id that is too short, without the fixed bit', () => {
    expect(initial({ body: zeros(1177) }).length).toBe(1199);
    expect(start(initial({ body: zeros(1177) }))).toBe(QUIC_START.NOT_A_START);
    expect(start(initial({ body: zeros(1178) }))).toBe(QUIC_START.COPY);
    expect(start(initial({ destination: zeros(7) }))).toBe(QUIC_START.NOT_A_START);
    expect(start(initial({ destination: zeros(20), source: zeros(20) }))).toBe(QUIC_START.COPY);
    expect(decode(initial({ destination: zeros(21) }))).toBeNull();
    expect(decode(initial({ source: zeros(21) }))).toBeNull();
    const greased = initial();
    greased[0] &= ~0x40;
    expect(decode(greased)).toMatchObject({ kind: QUIC.INITIAL, hasFixedBit: false });
    expect(start(greased)).toBe(QUIC_START.NOT_A_START);
  });

  it('no version that is not known, as its packets may be anything', () => {
    for (const version of [0x1a2a3a4a, 2, 0xff00001c, 0xff000023, 0x51303433]) {
      const payload = initial({ version });
      expect(decode(payload)).toMatchObject({ kind: QUIC.UNKNOWN_VERSION, version, destinationLength: 8 });
      expect(start(payload)).toBe(QUIC_START.NOT_A_START);
    }
    expect(decode(initial({ version: 0x1a2a3a4a, destination: zeros(255) }))).toMatchObject({
      kind: QUIC.UNKNOWN_VERSION,
      destinationLength: 255,
    });
  });

  it.each<[string, number[]]>([
    ['nothing', []],
    ['RTP', [0x80, 0x60, ...zeros(170)]],
    ['DTLS', [0x16, 0xfe, 0xfd, ...zeros(100)]],
    ['a protected part of less than 20 bytes', initial({ body: zeros(19) })],
    [
      'a length beyond the datagram',
      [...initial({ body: [] }).slice(0, -1), ...varint(1181), ...zeros(1180)],
    ],
    [
      'a token beyond the datagram',
      [
        ...quicLong({ type: 'initial', destination: ID, source: [] }).slice(0, 15),
        ...varint(2000),
        ...zeros(1200),
      ],
    ],
    [
      'a token of 2^62 - 1 bytes',
      [
        ...quicLong({ type: 'initial', destination: ID, source: [] }).slice(0, 15),
        ...new Array<number>(1200).fill(255),
      ],
    ],
    ['a Retry without a token', quicLong({ type: 'retry', destination: ID, source: [] })],
    ['no versions', quicVersions(ID, [1], [])],
    ['a version and a half', [...quicVersions(ID, [1], [1]), 0, 0]],
  ])('%s is not QUIC', (_, payload) => {
    expect(decode(payload)).toBeNull();
  });
});

describe('what answers', () => {
  const CHOSEN = fromHex('0102030405060708090a');
  const to = (type: 'initial' | 'handshake' | 'retry', more = {}): number[] =>
    quicLong({
      type,
      destination: CHOSEN,
      source: SERVER_ID,
      ...(type === 'retry' && { token: [1] }),
      ...more,
    });

  it.each([1, V2])('a long header to the client’s own id proves that it was seen (version %i)', (version) => {
    for (const type of ['initial', 'handshake', 'retry'] as const) {
      expect(answer(to(type, { version }), ID, CHOSEN)).toBe(QUIC_ANSWER.PROVEN);
      expect(answer(to(type, { version }), ID, [...CHOSEN.slice(0, -1), 0])).toBe(QUIC_ANSWER.NO);
      expect(answer(to(type, { version }), ID, CHOSEN.slice(0, -1))).toBe(QUIC_ANSWER.NO);
      expect(answer(to(type, { version }), ID, BROWSER)).toBe(QUIC_ANSWER.NO);
    }
  });

  it('an id of three bytes is guessed too soon', () => {
    for (const length of [0, 1, 3, 4, 20]) {
      const source = CHOSEN.concat(CHOSEN).slice(0, length);
      expect(answer(to('initial', { destination: source }), ID, source)).toBe(
        length < 4 ? QUIC_ANSWER.UNPROVEN : QUIC_ANSWER.PROVEN,
      );
    }
  });

  it('Version Negotiation repeats both ids', () => {
    expect(answer(quicVersions([], ID, [1, V2]), ID, BROWSER)).toBe(QUIC_ANSWER.PROVEN);
    expect(answer(quicVersions(CHOSEN, ID, [0x1a2a3a4a]), ID, CHOSEN)).toBe(QUIC_ANSWER.PROVEN);
    expect(answer(quicVersions(CHOSEN, SERVER_ID, [1]), ID, CHOSEN)).toBe(QUIC_ANSWER.NO);
    expect(answer(quicVersions(ID, CHOSEN, [1]), ID, CHOSEN)).toBe(QUIC_ANSWER.NO);
  });

  it('without the fixed bit, as a client may have asked for (RFC 9287)', () => {
    const greased = to('handshake');
    greased[0] &= ~0x40;
    expect(answer(greased, ID, CHOSEN)).toBe(QUIC_ANSWER.PROVEN);
  });

  it.each<[string, number[]]>([
    ['an Initial with a token', to('initial', { token: [1] })],
    ['a Retry from the id that the client has chosen', to('retry', { source: ID })],
    ['early data', quicLong({ type: 'zero-rtt', destination: CHOSEN, source: SERVER_ID })],
    [
      'a version that is not known',
      quicLong({ type: 'handshake', version: 2, destination: CHOSEN, source: ID }),
    ],
    ['the client’s own Initial, sent back', initial({ source: CHOSEN })],
  ])('%s is no answer', (_, payload) => {
    expect(answer(payload, ID, CHOSEN)).toBe(QUIC_ANSWER.NO);
  });
});

describe('captures', () => {
  it.skipIf(!hasCapture('quic-multiple-initial.pcap'))(
    'several Initials and early data before an answer',
    () => {
      const seen = datagramsOf('quic-multiple-initial.pcap').map(({ sourcePort, payload }) => {
        const out = decode(payload)!;
        expect(out.isWhole).toBe(true);
        return [sourcePort === 443 ? 'server' : 'client', out.kind, quicStart(out), out.tokenLength];
      });
      const token = ['client', QUIC.INITIAL, QUIC_START.TOKEN, 70];
      const early = ['client', QUIC.ZERO_RTT, QUIC_START.ZERO_RTT, 0];
      expect(seen.slice(0, 7)).toEqual([
        token,
        token,
        token,
        early,
        early,
        early,
        ['server', QUIC.INITIAL, QUIC_START.NOT_A_START, 0],
      ]);
    },
  );

  it.skipIf(!hasCapture('quic-handshake.pcap'))('a handshake', () => {
    const all = datagramsOf('quic-handshake.pcap');
    const [question] = all;
    const asked = decode(question.payload)!;
    expect(quicStart(asked)).toBe(QUIC_START.COPY);
    const { destinationHash, destinationLength, sourceHash, sourceLength } = asked;
    const answers = all
      .filter(({ sourcePort }) => sourcePort === question.destinationPort)
      .map(({ payload }) => {
        const out = decode(payload)!;
        return quicAnswer(out, destinationHash, destinationLength, sourceHash, sourceLength);
      });
    expect(answers[0]).not.toBe(QUIC_ANSWER.NO);
    for (const { payload } of all) {
      const { kind, destinationHash: id } = decode(payload)!;
      const isStart = (out: QuicDatagram): boolean => out.kind === kind && out.destinationHash === id;
      expectEveryCut(decodeQuic, createQuicDatagram, [...payload], isStart);
    }
  });
});
