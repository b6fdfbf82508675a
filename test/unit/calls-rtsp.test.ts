/** Streams of RTSP as they pass: sessions counted, their packets expected. */
import { describe, expect, it } from 'vitest';
import { FLAG, PROTOCOL } from '../../src/wire/packet.js';
import { CLIENT, Listener, SERVER } from './calls-tools.js';

const lines = (...text: string[]): string => `${text.join('\r\n')}\r\n\r\n`;
const setup = (transport: string, cseq = 3): string =>
  lines('SETUP rtsp://server/a/track1 RTSP/1.0', `CSeq: ${cseq}`, `Transport: ${transport}`);
const accepted = (transport: string, cseq = 3, session = 'AB12'): string =>
  lines('RTSP/1.0 200 OK', `CSeq: ${cseq}`, `Session: ${session};timeout=60`, `Transport: ${transport}`);
const UDP = 'RTP/AVP;unicast;client_port=5000-5001';

const rtsp = (ends = {}): Listener => new Listener('rtsp', PROTOCOL.TCP, 554, ends);

function started(ends = {}): Listener {
  const stream = rtsp(ends);
  stream.says('client', setup(UDP));
  stream.says('server', accepted(`${UDP};server_port=6970-6971`));
  return stream;
}

const BOTH = [`udp ${CLIENT}:5000 ${SERVER}:6970`, `udp ${CLIENT}:5001 ${SERVER}:6971`];

describe('a stream over UDP', () => {
  it('is expected with RTP and RTCP before the client hears of its ports', () => {
    const stream = started();
    expect(stream.expected).toEqual(BOTH);
    expect(stream.count('rtsp')).toEqual([1, 0, 1]);
    expect(stream.onRoutes).toEqual(['rtsp 1 +']);
  });

  it('is one session with two tracks', () => {
    const stream = started();
    stream.says('client', setup('RTP/AVP;unicast;client_port=5002-5003', 4));
    stream.says('server', accepted('RTP/AVP;unicast;client_port=5002-5003;server_port=6972-6973', 4));
    expect(stream.count('rtsp')).toEqual([1, 0, 1]);
    expect(stream.expected).toHaveLength(4);
  });

  it('is expected again when it is played', () => {
    const stream = started();
    stream.says('client', lines('PLAY rtsp://server/a RTSP/1.0', 'CSeq: 5', 'Session: AB12'));
    stream.says('server', lines('RTSP/1.0 200 OK', 'CSeq: 5', 'Session: AB12'));
    expect(stream.expected).toEqual([...BOTH, ...BOTH]);
  });

  it('ends with TEARDOWN, once', () => {
    const stream = started();
    stream.says('client', lines('TEARDOWN rtsp://server/a RTSP/1.0', 'CSeq: 6', 'Session: AB12'));
    stream.says('client', '', FLAG.FIN);
    expect(stream.count('rtsp')).toEqual([1, 1, 0]);
    expect(stream.onRoutes).toEqual(['rtsp 1 +', 'rtsp 1 -']);
  });

  it.each([
    ['FIN', FLAG.FIN],
    ['RST', FLAG.RST],
  ])('ends with its connection (%s)', (_, flag) => {
    const stream = started();
    stream.says('server', '', flag);
    expect(stream.count('rtsp')).toEqual([1, 1, 0]);
  });

  it('comes from where the server says, if that may be a server', () => {
    const from = (source: string): string[] => {
      const stream = rtsp();
      stream.says('client', setup(UDP));
      stream.says('server', accepted(`${UDP};server_port=6970-6971;source=${source}`));
      return stream.expected;
    };
    expect(from('198.51.100.9')[0]).toBe(`udp ${CLIENT}:5000 198.51.100.9:6970`);
    for (const odd of ['192.168.1.1', '127.0.0.1', '224.0.0.5', '0.0.0.0', CLIENT, 'nobody'])
      expect(from(odd), odd).toEqual(BOTH);
  });

  it('goes to nobody but the client, whatever the client says', () => {
    const stream = rtsp();
    stream.says('client', setup(`${UDP};destination=192.168.1.99`));
    stream.says('server', accepted(`${UDP};destination=192.168.1.99;server_port=6970-6971`));
    expect(stream.expected).toEqual(BOTH);
  });

  it('is not expected while no answer says so', () => {
    const stream = rtsp();
    stream.says('client', setup(UDP));
    stream.says('server', lines('RTSP/1.0 461 Unsupported Transport', 'CSeq: 3'));
    stream.says('server', accepted(`${UDP};server_port=6970-6971`, 9));
    expect(stream.expected).toEqual([]);
    expect(stream.count('rtsp')).toEqual([0, 0, 0]);
  });

  it('is not expected as multicast', () => {
    const stream = rtsp();
    stream.says('client', setup('RTP/AVP;multicast'));
    stream.says('server', accepted('RTP/AVP;multicast;destination=232.1.1.1;port=5000-5001'));
    expect(stream.expected).toEqual([]);
  });
});

describe('a connection', () => {
  it('that carries its media itself is left alone, and its end still counts', () => {
    const stream = rtsp();
    stream.says('client', setup('RTP/AVP/TCP;unicast;interleaved=0-1'));
    expect(stream.says('server', accepted('RTP/AVP/TCP;unicast;interleaved=0-1'))).toBe('done');
    expect(stream.says('server', '$\0\0\x04abcd')).toBe('done');
    expect(stream.count('rtsp')).toEqual([1, 0, 1]);
    stream.says('client', '', FLAG.FIN);
    expect(stream.count('rtsp')).toEqual([1, 1, 0]);
  });

  it('that is met among its media is left alone', () => {
    expect(rtsp().says('server', '$\0\0\x04abcd')).toBe('done');
  });

  it('of something else is left alone after a while', () => {
    const other = rtsp();
    const said = Array.from({ length: 8 }, () => other.says('client', '\x16\x03\x01\x02\x00'));
    expect(said).toEqual([...Array(7).fill('read'), 'done']);
  });

  it('may cut its messages anywhere', () => {
    const answer = accepted(`${UDP};server_port=6970-6971`);
    for (const size of [1, 2, 7, 40]) {
      const stream = rtsp();
      stream.says('client', setup(UDP));
      for (let at = 0; at < answer.length; at += size) stream.says('server', answer.slice(at, at + size));
      expect(stream.expected, `${size}`).toEqual(BOTH);
    }
  });

  it('may have its segments twice, and overtake each other', () => {
    const answer = Buffer.from(accepted(`${UDP};server_port=6970-6971`), 'latin1');
    const stream = rtsp();
    stream.says('client', setup(UDP));
    stream.segment('server', answer.subarray(0, 10), 5000);
    stream.segment('server', answer.subarray(50), 5050);
    stream.segment('server', answer.subarray(0, 20), 5000);
    stream.segment('server', answer.subarray(30, 60), 5030);
    expect(stream.expected).toEqual([]);
    stream.segment('server', answer.subarray(10, 30), 5010);
    expect(stream.expected).toEqual(BOTH);
  });

  it('goes on with other numbers, earlier or later, when another route has taken it over', () => {
    for (const number of [0x7000_0000, -0x7000_0000]) {
      const stream = rtsp();
      stream.says('client', setup(UDP));
      stream.segment('server', Buffer.from(lines('RTSP/1.0 200 OK', 'CSeq: 1')), 1000);
      stream.segment('server', Buffer.from(accepted(`${UDP};server_port=6970-6971`)), number);
      expect(stream.expected, `${number}`).toEqual(BOTH);
    }
  });

  it('goes on behind a gap that nobody fills', () => {
    const stream = rtsp();
    const other = lines('RTSP/1.0 200 OK', 'CSeq: 1');
    stream.says('client', setup(UDP));
    stream.segment('server', Buffer.from(other), 1);
    for (let i = 0; i < 9; i++) stream.segment('server', Buffer.from(other), 100_000 + i * other.length);
    stream.segment(
      'server',
      Buffer.from(accepted(`${UDP};server_port=6970-6971`)),
      100_000 + 9 * other.length,
    );
    expect(stream.expected).toEqual(BOTH);
  });
});
