/** Calls of H.323 as they pass: counted, their control connections and media expected. */
import { describe, expect, it } from 'vitest';
import { CALL_PROCEEDING, CONNECT, RELEASE_COMPLETE, setup, tpkt } from '../../bench/signalling/h225.js';
import {
  DATA_TYPES,
  FAST_START,
  media4,
  OPEN_AUDIO,
  openAck,
  openMessage,
} from '../../bench/signalling/h245.js';
import { ACF, RCF, RRQ } from '../../bench/signalling/ras.js';
import { FLAG, PROTOCOL } from '../../src/wire/packet.js';
import { capturedPayloads, hasCapture } from '../arbitrary/captured-payloads.js';
import { CLIENT, Listener, SERVER } from './calls-tools.js';

const call = (ends = {}): Listener => new Listener('h323', PROTOCOL.TCP, 1720, ends);
/** As the Setup says it. */
const FROM_SERVER = `h245 ${CLIENT}:3000 ${SERVER}:0`;
const S = SERVER.split('.').map(Number);

/** As the caller says it: the flag of its reference is of who is called. */
function byCaller(message: Uint8Array): Uint8Array {
  const said = Uint8Array.from(message);
  said[6] &= 0x7f;
  return said;
}

describe('a call', () => {
  it('is counted from Setup to ReleaseComplete of either side', () => {
    for (const side of ['client', 'server'] as const) {
      const one = call();
      one.says('client', byCaller(setup()));
      one.says('server', CONNECT);
      expect(one.count('h323')).toEqual([1, 0, 1]);
      one.says(side, side === 'client' ? byCaller(RELEASE_COMPLETE) : RELEASE_COMPLETE);
      expect(one.count('h323')).toEqual([1, 1, 0]);
    }
  });

  it('ends with its connection', () => {
    const one = call();
    one.says('client', byCaller(setup()));
    one.says('client', '', FLAG.RST);
    expect(one.count('h323')).toEqual([1, 1, 0]);
  });

  it('has its control connection where the client says, which the server opens, or where the server says', () => {
    const one = call();
    one.says('client', byCaller(setup()));
    expect(one.expected).toEqual([FROM_SERVER]);
    one.says('server', CALL_PROCEEDING);
    expect(one.expected).toEqual([FROM_SERVER, `h245 ${CLIENT}:0 203.0.113.5:4000`]);
  });

  it('has none at another’s end', () => {
    const other = call({ client: '192.168.1.11' });
    other.says('client', byCaller(setup()));
    expect(other.expected).toEqual([]);
  });

  it('may say all of its media at once (fast connect), and by tunnelled messages', () => {
    for (const fields of [{ fastStart: FAST_START }, { control: [openMessage(OPEN_AUDIO)] }]) {
      const one = call();
      one.says('client', byCaller(setup(fields)));
      expect(one.expected).toEqual([FROM_SERVER]);
      const ends = { media: media4(S, 6000), control: media4(S, 6001) };
      const theirs = openMessage({
        dataType: DATA_TYPES.g711,
        forward: { control: ends.control },
        reverse: ends,
      });
      const tunnel = setup({ control: [theirs] });
      one.says('server', tunnel);
      expect(one.expected).toContain(`udp ${CLIENT}:5000 ${SERVER}:6000`);
      expect(one.expected).toContain(`udp ${CLIENT}:5001 ${SERVER}:6001`);
    }
  });

  it('is none where no message is', () => {
    const said = Array.from({ length: 8 }, () => call().says('client', 'GET / HTTP/1.1\r\n\r\n'));
    expect(said).toEqual(Array(8).fill('read'));
    const other = call();
    for (let i = 0; i < 7; i++) other.says('client', 'GET / HTTP/1.1\r\n\r\n');
    expect(other.says('client', 'GET / HTTP/1.1\r\n\r\n')).toBe('done');
  });
});

describe('a control connection', () => {
  it('tells of media when both sides have said where they wait', () => {
    const control = new Listener('h245', PROTOCOL.TCP, 4000);
    control.says('client', tpkt(openMessage(OPEN_AUDIO)));
    expect(control.expected).toEqual([]);
    control.says('server', tpkt(openAck({ media: media4(S, 6000), control: media4(S, 6001) })));
    expect(control.expected).toEqual([
      `udp ${CLIENT}:5000 ${SERVER}:6000`,
      `udp ${CLIENT}:5001 ${SERVER}:6001`,
    ]);
  });
});

describe('a gatekeeper', () => {
  it('keeps a client for as long as it says', () => {
    const keeper = new Listener('h323', PROTOCOL.UDP, 1719);
    keeper.says('client', RRQ);
    keeper.says('server', RCF);
    expect(keeper.kept).toEqual([60]);
    expect(keeper.count('h323')).toEqual([0, 0, 0]);
  });

  it('says where a call is to be made', () => {
    const keeper = new Listener('h323', PROTOCOL.UDP, 1719);
    keeper.says('server', ACF);
    expect(keeper.expected).toEqual([`tcp ${CLIENT}:0 203.0.113.10:1720`]);
  });
});

describe.skipIf(!hasCapture('h323.pcap'))('the capture (skipped where it is not)', () => {
  it('is one call from its Setup on, whose H.245 and media are expected', () => {
    const payloads = hasCapture('h323.pcap') ? capturedPayloads('h323.pcap') : [];
    const ends = { client: '10.1.3.143', server: '10.1.6.18' };
    const one = call(ends);
    const control = new Listener('h245', PROTOCOL.TCP, 1232, ends);
    // It has every packet twice.
    const seen = new Set<string>();
    for (const { protocol, bytes, sourcePort, destinationPort } of payloads) {
      const key = `${sourcePort} ${Buffer.from(bytes).toString('hex')}`;
      if (protocol !== PROTOCOL.TCP || seen.has(key)) continue;
      seen.add(key);
      if (sourcePort === 32803 || destinationPort === 32803)
        one.says(destinationPort === 1720 ? 'client' : 'server', bytes);
      else if (sourcePort === 1232 || destinationPort === 1232)
        control.says(destinationPort === 1232 ? 'client' : 'server', bytes);
    }
    expect(one.count('h323')).toEqual([1, 0, 1]);
    expect(one.expected).toEqual(['h245 10.1.3.143:0 10.1.6.18:1232']);
    expect([...new Set(control.expected)].sort()).toEqual([
      'udp 10.1.3.143:5000 10.1.6.18:2006',
      'udp 10.1.3.143:5001 10.1.6.18:2007',
    ]);
  });
});
