/** Call signalling of H.323 (ITU-T H.225.0), and RAS. */
import { describe, expect, it } from 'vitest';
import {
  A,
  ALERTING,
  CALL_ID,
  CALL_PROCEEDING,
  CONNECT,
  FACILITY,
  h225,
  PROGRESS,
  PROGRESS_WITH_TOKENS,
  RELEASE_COMPLETE,
  setup,
  tpkt,
} from '../../bench/signalling/h225.js';
import { END_SESSION, FAST_START, H225, OPEN_AUDIO, openMessage } from '../../bench/signalling/h245.js';
import {
  ACF,
  ARQ,
  DCF,
  DRQ,
  GRQ,
  IRR,
  LCF,
  LRQ,
  RAS,
  RCF,
  RIP,
  RRQ,
  URQ,
} from '../../bench/signalling/ras.js';
import { formatEndpoint } from '../../src/model/address.js';
import { FRAME } from '../../src/wire/frame.js';
import { decodeH225, type H225Message, Q931 } from '../../src/wire/h225.js';
import { decodeRas } from '../../src/wire/h225-ras.js';
import { decodeFastStart, decodeH245 } from '../../src/wire/h245.js';
import type { NamedEnd } from '../../src/wire/named-end.js';
import { frameTpkt } from '../../src/wire/tpkt.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { capturedPayloads, hasCapture } from '../arbitrary/captured-payloads.js';

const text = (end: NamedEnd | null): string | null =>
  end === null ? null : formatEndpoint(end.address, 0, end.port);

function decoded(bytes: Uint8Array) {
  const message = decodeH225(viewed(bytes), 0, bytes.length);
  return message === null ? null : readable(message, bytes);
}

function readable(message: H225Message, bytes: Uint8Array) {
  return {
    ...message,
    h245Address: text(message.h245Address),
    destCallSignalAddress: text(message.destCallSignalAddress),
    sourceCallSignalAddress: text(message.sourceCallSignalAddress),
    alternativeAddress: text(message.alternativeAddress),
    fastStart: message.fastStart.map(({ start, end }) => bytes.slice(start, end)),
    h245Control: message.h245Control.map(({ start, end }) => bytes.slice(start, end)),
  };
}

const NOTHING = {
  callReference: 0x1234,
  isFromCalled: true,
  callId: CALL_ID,
  h245Address: null,
  destCallSignalAddress: null,
  sourceCallSignalAddress: null,
  alternativeAddress: null,
  fastStart: [],
  h245Control: [],
  isComplete: true,
};

describe('a message of H.225.0', () => {
  it('sets a call up', () => {
    expect(decoded(setup())).toEqual({
      ...NOTHING,
      type: Q931.SETUP,
      h245Address: '192.168.1.10:3000',
      destCallSignalAddress: '[2001:db8::9]:1720',
      sourceCallSignalAddress: '192.168.1.10:3001',
    });
  });

  it('proposes channels, and has tunnelled messages', () => {
    const control = [openMessage(OPEN_AUDIO), END_SESSION];
    const message = decoded(setup({ fastStart: FAST_START, parallel: [END_SESSION], control }));
    expect(message).toMatchObject({
      fastStart: FAST_START,
      h245Control: [END_SESSION, ...control],
      isComplete: true,
    });
    const [proposal, video] = FAST_START;
    expect(decodeFastStart(viewed(proposal), 0, proposal.length)).toMatchObject({
      kind: 'open',
      channel: 101,
    });
    expect(text(decodeFastStart(viewed(video), 0, video.length).forward.control)).toBe('[2001:db8::9]:5003');
    expect(decodeH245(viewed(END_SESSION), 0, END_SESSION.length)?.kind).toBe('end-session');
  });

  it('goes on, with the address for H.245', () => {
    const at = (type: number, h245Address: string) => ({ ...NOTHING, type, h245Address });
    expect(decoded(CALL_PROCEEDING)).toEqual(at(Q931.CALL_PROCEEDING, '203.0.113.5:4000'));
    expect(decoded(ALERTING)).toEqual(at(Q931.ALERTING, '203.0.113.5:4000'));
    expect(decoded(CONNECT)).toEqual(at(Q931.CONNECT, '[2001:db8::9]:4001'));
    expect(decoded(FACILITY)).toEqual({
      ...at(Q931.FACILITY, '203.0.113.6:4002'),
      alternativeAddress: '203.0.113.7:1721',
    });
    expect(decoded(PROGRESS)).toEqual(at(Q931.PROGRESS, '203.0.113.8:4003'));
  });

  it('ends', () => {
    expect(decoded(RELEASE_COMPLETE)).toEqual({ ...NOTHING, type: Q931.RELEASE_COMPLETE });
  });

  it('may have tokens that we do not know the end of, and is read behind them', () => {
    expect(decoded(PROGRESS_WITH_TOKENS)).toEqual({
      ...NOTHING,
      type: Q931.PROGRESS,
      h245Address: '203.0.113.8:4003',
      h245Control: [END_SESSION],
      isComplete: false,
    });
  });

  it('may be about no call, and have no user information', () => {
    const decodedOf = (...bytes: number[]) => decoded(tpkt(bytes));
    expect(decodedOf(0x08, 0, 0x7d)).toMatchObject({
      type: Q931.STATUS,
      callReference: 0,
      isFromCalled: false,
    });
    expect(decodedOf(0x08, 1, 0x85, 0x5a)).toMatchObject({
      type: 0x5a,
      callReference: 5,
      isFromCalled: true,
    });
    expect(decodedOf(0x08, 2, 0, 9, 0x5a, 0x08, 2, 0x80, 0x90)).toMatchObject({
      callId: '',
      isComplete: false,
    });
    expect(decodedOf(0x08, 2, 0, 9, 0x5a, 0x7e, 0, 3, 4, 1, 2)).toMatchObject({
      callReference: 9,
      callId: '',
    });
  });

  it('is none', () => {
    for (const bytes of [
      [],
      [0x08],
      [0x08, 2, 0],
      [0x08, 2, 0, 1],
      [0x08, 3, 0, 0, 1, 5],
      [0x07, 2, 0, 1, 5],
      [0x03, 2, 0, 1, 5],
    ])
      expect(decoded(tpkt(bytes))).toBeNull();
  });

  it('says at no earlier end what is not there', () => {
    for (const bytes of H225) {
      const whole = decoded(bytes);
      for (let end = 0; end < bytes.length; end++) {
        const part = decodeH225(viewed(bytes), 0, end);
        if (part === null || whole === null) continue;
        const found = readable(part, bytes);
        if (found.h245Address !== null) expect(found.h245Address).toBe(whole.h245Address);
        expect(found.fastStart).toEqual(whole.fastStart.slice(0, found.fastStart.length));
        expect(found.isComplete).toBe(false);
      }
    }
  });

  it('has lists that do not end, of what does not fit', () => {
    const many = new Array<Uint8Array>(1000).fill(Uint8Array.of(1));
    expect(decoded(setup({ fastStart: many }))).toMatchObject({ isComplete: false });
    const cut = h225(0x62, { index: 6, body: (w) => w.flags('0 010').octets([0]).raw([0xbf, 0xff, 0]) });
    expect(decoded(cut)).toMatchObject({ isComplete: false });
  });
});

describe('TPKT', () => {
  const framed = (...bytes: number[]): number => frameTpkt(viewed(Uint8Array.from(bytes)), 0, bytes.length);

  it('has a length', () => {
    expect(framed(3, 0, 0, 4)).toBe(4);
    expect(framed(3, 0, 0, 5, 1, 2, 3)).toBe(5);
    for (let end = 0; end < CONNECT.length; end++)
      expect(framed(...CONNECT.slice(0, end))).toBe(FRAME.INCOMPLETE);
  });

  it('is something else', () => {
    for (const bytes of [[2], [3, 1], [3, 0, 0, 3], [0x16, 3, 1]]) expect(framed(...bytes)).toBe(FRAME.NOT);
  });
});

describe('a RAS message', () => {
  const ras = (bytes: Uint8Array) => {
    const message = decodeRas(viewed(bytes), 0, bytes.length);
    if (message === null) return null;
    const { callSignalAddresses, rasAddresses, destCallSignalAddress, srcCallSignalAddress, ...rest } =
      message;
    return {
      ...rest,
      call: callSignalAddresses.map(text),
      ras: rasAddresses.map(text),
      to: text(destCallSignalAddress),
      from: text(srcCallSignalAddress),
    };
  };
  const NONE = {
    call: [],
    ras: [],
    to: null,
    from: null,
    timeToLive: -1,
    isKeepAlive: false,
    callId: '',
    isComplete: true,
  };

  it('registers', () => {
    expect(ras(GRQ)).toEqual({ ...NONE, kind: 'GRQ', sequence: 1, ras: [`${A.join('.')}:1719`] });
    expect(ras(RRQ)).toEqual({
      ...NONE,
      kind: 'RRQ',
      sequence: 2,
      call: ['192.168.1.10:1720', '[2001:db8::9]:1720'],
      ras: ['192.168.1.10:1719'],
      timeToLive: 3600,
      isKeepAlive: true,
    });
    expect(ras(RCF)).toEqual({
      ...NONE,
      kind: 'RCF',
      sequence: 2,
      call: ['203.0.113.9:1720'],
      timeToLive: 60,
    });
    expect(ras(URQ)).toEqual({ ...NONE, kind: 'URQ', sequence: 3, call: ['192.168.1.10:1720'] });
  });

  it('admits calls, finds, and ends', () => {
    expect(ras(ARQ)).toEqual({
      ...NONE,
      kind: 'ARQ',
      sequence: 4,
      to: '203.0.113.9:1720',
      from: '192.168.1.10:3001',
      callId: CALL_ID,
    });
    expect(ras(ACF)).toEqual({ ...NONE, kind: 'ACF', sequence: 4, to: '203.0.113.10:1720' });
    expect(ras(DRQ)).toEqual({ ...NONE, kind: 'DRQ', sequence: 5, callId: CALL_ID });
    expect(ras(LRQ)).toEqual({ ...NONE, kind: 'LRQ', sequence: 6, ras: ['192.168.1.10:1719'] });
    expect(ras(LCF)).toEqual({
      ...NONE,
      kind: 'LCF',
      sequence: 6,
      call: ['[2001:db8::9]:1720'],
      ras: ['203.0.113.9:1719'],
    });
  });

  it('of other kinds has a number', () => {
    expect(ras(DCF)).toEqual({ ...NONE, kind: 'DCF', sequence: 5 });
    expect(ras(RIP)).toEqual({ ...NONE, kind: 'RIP', sequence: 4 });
    expect(ras(IRR)).toEqual({ ...NONE, kind: 'IRR', sequence: -1 });
  });

  it('is none', () => {
    expect(ras(new Uint8Array(0))).toBeNull();
    expect(ras(Uint8Array.of(0x7c))).toBeNull();
    expect(ras(Uint8Array.of(0x40, 0))).toBeNull();
    expect(ras(Uint8Array.of(0x80, 0x80, 1, 0))).toBeNull();
  });

  it('is cut anywhere', () => {
    for (const bytes of RAS)
      for (let end = 0; end < bytes.length; end++) {
        const part = decodeRas(viewed(bytes), 0, end);
        if (part !== null && part.kind !== 'IRR' && part.kind !== 'RIP' && part.kind !== 'DCF')
          expect(part.isComplete).toBe(false);
      }
  });
});

describe.skipIf(!hasCapture('h323.pcap'))('the capture of H.323 (skipped where it is not)', () => {
  const payloads = hasCapture('h323.pcap') ? capturedPayloads('h323.pcap') : [];

  it('has a call whose Connect says where H.245 is', () => {
    const calls: unknown[] = [];
    for (const { bytes, sourcePort } of payloads) {
      const space = viewed(bytes);
      if (frameTpkt(space, 0, bytes.length) !== bytes.length || bytes[4] !== 0x08) continue;
      const message = decoded(bytes)!;
      expect(message.isComplete).toBe(true);
      calls.push([sourcePort, message.type, message.h245Address ?? message.destCallSignalAddress]);
    }
    expect(calls).toEqual([
      [32803, Q931.SETUP, '10.1.6.18:1720'],
      [32803, Q931.SETUP, '10.1.6.18:1720'],
      [1720, Q931.CALL_PROCEEDING, null],
      [1720, Q931.CALL_PROCEEDING, null],
      [1720, Q931.ALERTING, null],
      [1720, Q931.ALERTING, null],
      [1720, Q931.CONNECT, '10.1.6.18:1232'],
      [1720, Q931.CONNECT, '10.1.6.18:1232'],
      [56837, Q931.SETUP, '192.168.0.1:1720'],
      [3032, Q931.SETUP, '17.2.0.122:1720'],
      [1720, Q931.RELEASE_COMPLETE, null],
    ]);
  });

  it('has logical channels of that call', () => {
    const opened: unknown[] = [];
    for (const { bytes, sourcePort, destinationPort } of payloads) {
      if (sourcePort !== 1232 && destinationPort !== 1232) continue;
      const message = bytes[0] === 3 ? decodeH245(viewed(bytes), 4, bytes.length) : null;
      if (message === null || message.kind === 'other') continue;
      expect(message.isComplete).toBe(true);
      opened.push([
        sourcePort,
        message.kind,
        message.channel,
        text(message.forward.media),
        text(message.forward.control),
      ]);
    }
    expect(opened).toEqual([
      [32804, 'open', 101, null, '10.1.3.143:5001'],
      [1232, 'open', 61, null, '10.1.6.18:2007'],
      [32804, 'open-ack', 61, '10.1.3.143:5000', '10.1.3.143:5001'],
      [1232, 'open-ack', 101, '10.1.6.18:2006', '10.1.6.18:2007'],
    ]);
  });

  it('has registrations and admissions', () => {
    const seen = payloads
      .filter(({ protocol }) => protocol === 17)
      .map(({ bytes }) => decodeRas(viewed(bytes), 0, bytes.length)!)
      .map(({ kind, timeToLive, isComplete }) => `${kind} ${timeToLive} ${isComplete}`);
    expect([...new Set(seen)]).toEqual([
      'GRQ -1 true',
      'GCF -1 true',
      'RRQ -1 true',
      'RCF 3600 true',
      'ARQ -1 true',
      'ACF -1 true',
      'IRQ -1 true',
      'DRQ -1 true',
      'RCF 60 true',
    ]);
  });
});
