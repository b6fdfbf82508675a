/** Descriptions of sessions (RFC 8866), alone and in bodies of several parts. */
import { describe, expect, it } from 'vitest';
import { ANSWER_6, bytesOf, lines, OFFER, PARTS, SDP } from '../../bench/signalling/sip.js';
import { formatAddress } from '../../src/model/address.js';
import { decodeSdp, MAX_MEDIA, type SessionDescription } from '../../src/wire/sdp.js';
import { findDescription } from '../../src/wire/sip-body.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

function decoded(text: string): SessionDescription | null {
  const bytes = bytesOf(text);
  return decodeSdp(viewed(bytes), 0, bytes.length);
}

/** `kind address:port rtcp`, with what is unusual. */
function summary(text: string): string[] {
  return (decoded(text)?.media ?? []).map(
    ({ kind, address, port, rtcpAddress, rtcpPort, isMuxed, isFax }) => {
      const at = address === null ? '?' : formatAddress(address);
      const rtcpAt = rtcpAddress === null ? '?' : formatAddress(rtcpAddress);
      const marks = `${isMuxed ? ' muxed' : ''}${isFax ? ' fax' : ''}`;
      return `${kind} ${at} ${port}, ${rtcpAt} ${rtcpPort}${marks}`;
    },
  );
}

const media = (...more: readonly string[]): string => lines('v=0', 'c=IN IP4 192.0.2.1', ...more);

describe('a session description', () => {
  it('has streams with an address of the session, and RTCP beside or elsewhere', () => {
    expect(summary(OFFER)).toEqual([
      'audio 192.168.1.10 49170, 192.168.1.10 49171',
      'video 192.168.1.10 51372, 192.168.1.11 53020',
      'application 192.168.1.10 0, 192.168.1.10 0',
    ]);
    expect(decoded(OFFER)).toMatchObject({ isComplete: true });
  });

  it('has IPv6, addresses of streams, fax', () => {
    expect(summary(ANSWER_6)).toEqual([
      'audio 2001:db8::1 30000, 2001:db8::1 30001 muxed',
      'image 2001:db8::2 30010, 2001:db8::2 0 fax',
    ]);
    expect(decoded(ANSWER_6)?.media[1]).toMatchObject({ protocol: 'UDPTL', host: '2001:db8::2' });
    expect(summary(media('m=image 5000 TCP t38'))).toEqual(['image 192.0.2.1 5000, 192.0.2.1 0 fax']);
  });

  it('says where its control packets go', () => {
    expect(summary(media('m=audio 6000 RTP/AVP 0', 'a=rtcp:7000'))).toEqual([
      'audio 192.0.2.1 6000, 192.0.2.1 7000',
    ]);
    expect(summary(media('m=audio 6000 UDP/TLS/RTP/SAVP 0', 'a=rtcp-mux-only'))).toEqual([
      'audio 192.0.2.1 6000, 192.0.2.1 6000 muxed',
    ]);
    expect(summary(media('m=audio 6000 RTP/AVP 0', 'a=rtcp:7000 IN IP6 2001:db8::9'))).toEqual([
      'audio 192.0.2.1 6000, 2001:db8::9 7000',
    ]);
    expect(summary(media('m=audio 65535 RTP/AVP 0'))).toEqual(['audio 192.0.2.1 65535, 192.0.2.1 0']);
    expect(summary(media('m=audio 6000 RTP/AVP 0', 'a=rtcp:70000', 'a=rtcp:x', 'a=rtcp:'))).toEqual([
      'audio 192.0.2.1 6000, 192.0.2.1 6001',
    ]);
  });

  it('has directions, of streams or of all of them', () => {
    const directions = decoded(
      media('a=sendonly', 'm=audio 1 RTP/AVP 0', 'm=audio 2 RTP/AVP 0', 'a=recvonly'),
    )?.media.map(({ direction }) => direction);
    expect(directions).toEqual(['sendonly', 'recvonly']);
    expect(decoded(media('m=audio 1 RTP/AVP 0'))?.media[0].direction).toBe('sendrecv');
  });

  it('has names, multicast, several ports', () => {
    const found = decoded(
      lines(
        'v=0',
        'c=IN IP4 Media.Example.com',
        'm=audio 1 RTP/AVP 0',
        'm=video 5000/2 RTP/AVP 31',
        'c=IN IP4 224.2.1.1/127/3',
      ),
    );
    expect(found?.media[0]).toMatchObject({ host: 'media.example.com', address: null, rtcpAddress: null });
    expect(found?.media[1]).toMatchObject({ host: '224.2.1.1', portCount: 2, port: 5000 });
  });

  it('is cut anywhere, and then has fewer streams', () => {
    for (const bytes of SDP) {
      const whole = decodeSdp(viewed(bytes), 0, bytes.length);
      for (let end = 0; end < bytes.length; end++) {
        const part = decodeSdp(viewed(bytes), 0, end);
        if (end < 3) expect(part).toBeNull();
        expect(part?.media.length ?? 0).toBeLessThanOrEqual((whole?.media.length ?? 0) + 1);
      }
    }
  });

  it('has so many streams and no more', () => {
    const found = decoded(media(...new Array<string>(100).fill('m=audio 9 RTP/AVP 0')));
    expect(found?.media).toHaveLength(MAX_MEDIA);
    expect(found?.isComplete).toBe(false);
  });

  it('has lines that are none, and what is about them is nobody’s', () => {
    const found = decoded(
      media(
        'm=audio 70000 RTP/AVP 0',
        'c=IN IP4 192.0.2.66',
        'm=audio 5 RTP/AVP 0',
        'm=audio',
        'a=inactive',
        'm=video 7/0 RTP/AVP 1',
      ),
    );
    expect(found?.isComplete).toBe(false);
    expect(found?.media).toHaveLength(1);
    expect(found?.media[0]).toMatchObject({ port: 5, host: '192.0.2.1', direction: 'sendrecv' });
    expect(decoded(media(`m=audio 5 RTP/AVP 0 ${'9'.repeat(2000)}`))?.media).toEqual([]);
    expect(decoded('v=1\r\nm=audio 5 RTP/AVP 0\r\n')).toBeNull();
    expect(decoded('')).toBeNull();
    expect(decoded(lines('v=0', 'c=IN IP4 1.2.3.4\0', 'm=audio 5 RTP/AVP 0'))?.media[0].host).toBe('');
  });
});

describe('a body', () => {
  const found = (type: string, body: string): string | null => {
    const bytes = bytesOf(body);
    const part = findDescription(viewed(bytes), type, 0, bytes.length);
    return part === null ? null : body.slice(part.start, part.end);
  };

  it('is a description', () => {
    expect(found('application/sdp', OFFER)).toBe(OFFER);
    expect(found('Application/SDP ; charset=utf-8', OFFER)).toBe(OFFER);
  });

  it('has a part that is one', () => {
    expect(`${found('multipart/mixed;boundary="boundary42"', PARTS)}\r\n`).toBe(OFFER);
    expect(`${found('MULTIPART/alternative ; Boundary=boundary42', PARTS)}\r\n`).toBe(OFFER);
    const bare = PARTS.replaceAll('\r\n', '\n');
    expect(`${found('multipart/mixed;boundary=boundary42', bare)}\n`).toBe(OFFER.replaceAll('\r\n', '\n'));
    expect(found('multipart/mixed;boundary=boundary42', PARTS.slice(0, -20))).not.toBeNull();
  });

  it('is not where it is said to be', () => {
    const bytes = bytesOf(OFFER);
    const at = (start: number, end: number) => findDescription(viewed(bytes), 'application/sdp', start, end);
    expect(at(-1, 10)).toBeNull();
    expect(at(0, bytes.length + 1)).toBeNull();
    expect(at(5, 5)).toBeNull();
    expect(at(5, 6)).toEqual({ start: 5, end: 6 });
  });

  it('has none', () => {
    expect(found('text/plain', OFFER)).toBeNull();
    expect(found('', OFFER)).toBeNull();
    expect(found('multipart/mixed', PARTS)).toBeNull();
    expect(found('multipart/mixed;boundary=""', PARTS)).toBeNull();
    expect(found('multipart/mixed;boundary=other', PARTS)).toBeNull();
    expect(found(`multipart/mixed;boundary=${'b'.repeat(71)}`, PARTS)).toBeNull();
    expect(found('multipart/mixed;boundary=b', '--b\r\n'.repeat(40))).toBeNull();
    expect(found('multipart/mixed;boundary=b', '--b\r\nContent-Type: application/sdp')).toBeNull();
  });
});
