/** Messages of RTSP (RFC 2326, RFC 7826). */
import { describe, expect, it } from 'vitest';
import { DESCRIBED, RTSP, SETUP, SETUP_2, SETUP_ANSWER, TEARDOWN } from '../../bench/signalling/rtsp.js';
import { bytesOf, lines, OFFER } from '../../bench/signalling/sip.js';
import { FRAME } from '../../src/wire/frame.js';
import {
  createRtspMessage,
  decodeRtsp,
  frameRtsp,
  isInterleaved,
  MAX_RTSP_BODY,
  type RtspMessage,
} from '../../src/wire/rtsp.js';
import { MAX_TRANSPORTS, type RtspTransport } from '../../src/wire/rtsp-transport.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { capturedPayloads, hasCapture } from '../arbitrary/captured-payloads.js';

function decoded(message: string | Uint8Array): RtspMessage | null {
  const bytes = typeof message === 'string' ? bytesOf(message) : message;
  const out = createRtspMessage();
  return decodeRtsp(out, viewed(bytes), 0, bytes.length) ? out : null;
}

function framed(message: string): number {
  const bytes = bytesOf(message);
  return frameRtsp(viewed(bytes), 0, bytes.length);
}

const setup = (...fields: readonly string[]): string =>
  lines('SETUP rtsp://a/b RTSP/1.0', 'CSeq: 1', ...fields, '');
const transports = (value: string): readonly RtspTransport[] =>
  decoded(setup(`Transport: ${value}`))?.transports ?? [];

const NONE: RtspTransport = {
  protocol: 'UDP',
  profile: 'RTP/AVP',
  isMulticast: false,
  clientPorts: null,
  serverPorts: null,
  groupPorts: null,
  channels: null,
  source: '',
  destination: '',
  isMuxed: false,
};

describe('a message of RTSP', () => {
  it('sets up, with alternatives', () => {
    expect(decoded(SETUP)).toEqual({
      method: 'SETUP',
      uri: 'rtsp://example.com/foo/bar/baz.rm',
      status: 0,
      cseq: 302,
      session: '',
      sessionTimeout: -1,
      transports: [
        { ...NONE, clientPorts: { first: 4588, second: 4589 } },
        { ...NONE, protocol: 'TCP', channels: { first: 0, second: 1 } },
        { ...NONE, isMulticast: true },
      ],
      contentLength: 0,
      contentType: '',
      bodyStart: SETUP.length,
      bodyEnd: SETUP.length,
    });
  });

  it('answers', () => {
    expect(decoded(SETUP_ANSWER)).toMatchObject({
      method: '',
      status: 200,
      session: '47112344',
      sessionTimeout: 90,
      transports: [
        {
          clientPorts: { first: 4588, second: 4589 },
          serverPorts: { first: 6256, second: 6257 },
          source: '192.0.2.9',
        },
      ],
    });
  });

  it('is of version 2', () => {
    expect(decoded(SETUP_2)?.transports).toEqual([
      { ...NONE, clientPorts: { first: 3456, second: 3457 } },
      { ...NONE, clientPorts: { first: 5000, second: 5000 }, destination: '192.0.2.5', isMuxed: true },
      {
        ...NONE,
        protocol: 'TCP',
        profile: 'RTP/SAVP',
        channels: { first: 0, second: 1 },
        serverPorts: { first: 9000, second: 9001 },
        source: '2001:db8::9',
      },
    ]);
  });

  it('has a body', () => {
    const message = decoded(DESCRIBED);
    expect(message).toMatchObject({ contentType: 'application/sdp', contentLength: OFFER.length });
    expect(DESCRIBED.slice(message?.bodyStart, message?.bodyEnd)).toBe(OFFER);
  });

  it('ends', () => {
    expect(decoded(TEARDOWN)).toMatchObject({ method: 'TEARDOWN', session: '47112344', cseq: 9 });
  });

  it('is none at every earlier end', () => {
    for (const bytes of RTSP) {
      const out = createRtspMessage();
      if (!decodeRtsp(out, viewed(bytes), 0, bytes.length)) continue;
      for (let end = 0; end < out.bodyEnd; end++)
        expect(decodeRtsp(createRtspMessage(), viewed(bytes), 0, end)).toBe(false);
    }
  });

  it('is none', () => {
    for (const text of [
      'GET / HTTP/1.1\r\n\r\n',
      'SETUP rtsp://a/b RTSP/3.0\r\n\r\n',
      'SETUP  rtsp://a/b RTSP/1.0\r\n\r\n',
      'RTSP/1.0 600 OK\r\n\r\n',
      'RTSP/1.0 20 OK\r\n\r\n',
      setup('CSeq: 2'),
      setup('Session: a', 'Session: b'),
      setup('Session: a b'),
      setup('Session:'),
      setup('Content-Length: -1'),
      setup('Content-Length: 0', 'Content-Length: 1'),
      lines('SETUP rtsp://a/b RTSP/1.0', 'CSeq: 99999999999', ''),
    ])
      expect([text, decoded(text)]).toEqual([text, null]);
  });
});

describe('a transport', () => {
  it('has one port, or a pair that is none', () => {
    expect(transports('RTP/AVP;client_port=5000')).toEqual([
      { ...NONE, clientPorts: { first: 5000, second: 5001 } },
    ]);
    expect(transports('RTP/AVP;client_port=65535')[0].clientPorts).toEqual({ first: 65535, second: 65535 });
    for (const ports of ['70000-70001', '5000-', '-5000', 'x', '', '0-1', '0', '5000-0', '5000-5001-5002'])
      expect(transports(`RTP/AVP;client_port=${ports}`)).toEqual([NONE]);
    expect(transports('RTP/AVP/TCP;interleaved=256-257')[0].channels).toBeNull();
  });

  it('leads to groups and other hosts', () => {
    expect(transports('rtp/avp/udp;multicast;destination=224.2.0.1;port=3456-3457;ttl=16')).toEqual([
      { ...NONE, isMulticast: true, destination: '224.2.0.1', groupPorts: { first: 3456, second: 3457 } },
    ]);
    expect(transports('RTP/AVP;unicast;destination=2001:db8::7;source="Server.example"')).toEqual([
      { ...NONE, destination: '2001:db8::7', source: 'server.example' },
    ]);
    expect(transports('RTP/AVP;dest_addr="192.0.2.1:70000";src_addr=x y')).toEqual([NONE]);
    expect(transports('RTP/AVP;dest_addr=""/"')).toEqual([NONE]);
  });

  it('is not known', () => {
    for (const value of ['RAW', 'RTP/AVP/SCTP', 'RTP/AVP/UDP/X', '', ';;', 'R T/P'])
      expect([value, transports(value)]).toEqual([value, []]);
  });

  it('comes in such numbers and no more', () => {
    expect(transports(new Array<string>(50).fill('RTP/AVP').join(','))).toHaveLength(MAX_TRANSPORTS);
    expect(decoded(setup(...new Array<string>(50).fill('Transport: RTP/AVP')))?.transports).toHaveLength(
      MAX_TRANSPORTS,
    );
  });
});

describe('a stream of RTSP', () => {
  it('has messages and packets of media', () => {
    const packet = '$\x01\x00\x05RTSP/';
    const stream = bytesOf(`${SETUP}${packet}${DESCRIBED}\r\n${TEARDOWN}`);
    const found: number[] = [];
    for (let at = 0; at < stream.length; at += found.at(-1)!) {
      found.push(frameRtsp(viewed(stream), at, stream.length));
      expect(isInterleaved(viewed(stream), at, stream.length)).toBe(found.length === 2);
    }
    expect(found).toEqual([SETUP.length, packet.length, DESCRIBED.length, 2, TEARDOWN.length]);
  });

  it('waits for all of each', () => {
    for (const text of [SETUP, DESCRIBED, '$\x01\x00\x05RTSP/'])
      for (let end = 0; end < text.length; end++) expect(framed(text.slice(0, end))).toBe(FRAME.INCOMPLETE);
    expect(framed(SETUP)).toBe(SETUP.length);
  });

  it('is something else, or too long', () => {
    for (const text of ['\x16\x03\x01', 'GET /a HTTP/1.0\r\n\r\n', '\0', 'x'.repeat(64)])
      expect(framed(text)).toBe(FRAME.NOT);
    expect(framed(setup(`Content-Length: ${MAX_RTSP_BODY}`))).toBe(FRAME.INCOMPLETE);
    expect(framed(setup(`Content-Length: ${MAX_RTSP_BODY + 1}`))).toBe(FRAME.NOT);
  });
});

describe.skipIf(!hasCapture('rtsp.pcap'))('the capture of RTSP (skipped where it is not)', () => {
  it('has sessions and their media', () => {
    // Each packet was captured several times on its way.
    const streams = new Map<string, number[]>();
    let before = '';
    for (const { bytes, sourcePort, destinationPort, protocol } of capturedPayloads('rtsp.pcap')) {
      const way = `${sourcePort} ${destinationPort}`;
      if (protocol !== 6 || !/\b(554|8554)\b/.test(way) || `${way} ${bytes}` === before) continue;
      before = `${way} ${bytes}`;
      streams.set(way, [...(streams.get(way) ?? []), ...bytes]);
    }
    const seen: Record<string, number> = {};
    let pairs = 0;
    for (const stream of streams.values()) {
      const space = viewed(Uint8Array.from(stream));
      for (let at = 0; at < stream.length; ) {
        const length = frameRtsp(space, at, stream.length);
        expect(length).toBeGreaterThan(0);
        const message = decoded(space.bytes.slice(at, at + length))!;
        at += length;
        const what = message.method || `${message.status} ${message.contentType}`;
        seen[what] = (seen[what] ?? 0) + 1;
        if (message.status !== 200 || message.transports.length === 0) continue;
        pairs++;
        expect(message.session).not.toBe('');
        expect(message.transports[0].clientPorts?.first).toBeGreaterThan(1024);
        expect(message.transports[0].serverPorts?.first).toBeGreaterThan(1024);
      }
    }
    expect(seen).toEqual({
      '200 ': 24,
      '200 application/sdp': 6,
      DESCRIBE: 6,
      GET_PARAMETER: 5,
      OPTIONS: 6,
      PLAY: 6,
      SETUP: 12,
    });
    expect(pairs).toBe(seen.SETUP);
  });
});
