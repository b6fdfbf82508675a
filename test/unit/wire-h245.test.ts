/** Logical channels of H.245, whatever is sent in them. */
import { describe, expect, it } from 'vitest';
import { A, V6 } from '../../bench/signalling/h225.js';
import {
  CLOSE,
  CLOSE_ACK,
  DATA_TYPES,
  END_SESSION,
  H245,
  media4,
  media6,
  OPEN_AUDIO,
  OPEN_REJECT,
  OPEN_T120,
  openAck,
  openMessage,
} from '../../bench/signalling/h245.js';
import { encodedPer } from '../../bench/signalling/per-writer.js';
import { formatEndpoint } from '../../src/model/address.js';
import { decodeH245 } from '../../src/wire/h245.js';
import type { NamedEnd } from '../../src/wire/named-end.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

const text = (end: NamedEnd | null): string | null =>
  end === null ? null : formatEndpoint(end.address, 0, end.port);

function decoded(bytes: Uint8Array) {
  const message = decodeH245(viewed(bytes), 0, bytes.length);
  if (message === null) return null;
  const way = ({ media, control }: { media: NamedEnd | null; control: NamedEnd | null }) => [
    text(media),
    text(control),
  ];
  return {
    ...message,
    forward: way(message.forward),
    reverse: way(message.reverse),
    stack: text(message.stack),
  };
}

const NONE = {
  channel: 101,
  session: -1,
  forward: [null, null],
  reverse: [null, null],
  stack: null,
  isComplete: true,
};

describe('an OpenLogicalChannel', () => {
  it.each(Object.entries(DATA_TYPES))('of %s', (_name, dataType) => {
    expect(decoded(openMessage({ ...OPEN_AUDIO, dataType }))).toEqual({
      ...NONE,
      kind: 'open',
      session: 1,
      forward: [null, '192.168.1.10:5001'],
      reverse: ['192.168.1.10:5000', '192.168.1.10:5001'],
    });
  });

  it('has IPv6 and groups', () => {
    const group = (w: Parameters<ReturnType<typeof media4>>[0]) =>
      w.flags('0 1 0 0 0').raw([224, 2, 0, 1]).word(3456);
    const forward = { media: group, control: media6(V6, 5001) };
    expect(decoded(openMessage({ dataType: DATA_TYPES.g729, forward }))).toMatchObject({
      forward: ['224.2.0.1:3456', '[2001:db8::9]:5001'],
    });
  });

  it('has a connection for data', () => {
    expect(decoded(openMessage(OPEN_T120))).toEqual({ ...NONE, kind: 'open', stack: '192.168.1.10:1503' });
  });

  it('is for another network than IP', () => {
    const other = encodedPer((w) =>
      w.flags('0 00 0 0011 0 0').word(4).flags('0 0').with(DATA_TYPES.nothing).flags('0 01 0'),
    );
    expect(decoded(other)).toEqual({ ...NONE, kind: 'open', channel: 5, isComplete: false });
  });
});

describe('other messages of H.245', () => {
  it('acknowledge', () => {
    expect(decoded(openAck({ media: media4(A, 5000), control: media6(V6, 5001) }))).toEqual({
      ...NONE,
      kind: 'open-ack',
      session: 1,
      forward: ['192.168.1.10:5000', '[2001:db8::9]:5001'],
    });
    expect(decoded(openAck({}, { media: media6(V6, 6000) }))).toMatchObject({
      forward: [null, null],
      reverse: ['[2001:db8::9]:6000', null],
    });
  });

  it('refuse, close, end', () => {
    expect(decoded(OPEN_REJECT)).toEqual({ ...NONE, kind: 'open-reject' });
    expect(decoded(CLOSE)).toEqual({ ...NONE, kind: 'close' });
    expect(decoded(CLOSE_ACK)).toEqual({ ...NONE, kind: 'close-ack' });
    expect(decoded(END_SESSION)).toEqual({ ...NONE, kind: 'end-session', channel: -1 });
  });

  it('are others', () => {
    // MasterSlaveDetermination; an indication; a command that is an extension.
    for (const bytes of [
      [0x01, 0, 0x80, 0x92],
      [0x6c, 0],
      [0x50, 0x80, 1, 0],
    ])
      expect(decoded(Uint8Array.from(bytes))).toMatchObject({ kind: 'other', channel: -1 });
  });

  it('are none', () => {
    expect(decoded(new Uint8Array(0))).toBeNull();
    expect(decoded(Uint8Array.of(0x80, 1, 0))).toBeNull();
  });

  it('say at no earlier end what is not there', () => {
    for (const bytes of H245) {
      const whole = decoded(bytes);
      for (let end = 0; end < bytes.length; end++) {
        const part = decoded(bytes.slice(0, end));
        if (part === null || whole === null) continue;
        for (const [one, other] of [
          [part.forward, whole.forward],
          [part.reverse, whole.reverse],
          [[part.stack], [whole.stack]],
        ])
          for (const [i, at] of one.entries()) if (at !== null) expect(at).toBe(other[i]);
      }
    }
  });
});
