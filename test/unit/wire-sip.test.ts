/** Messages of SIP (RFC 3261), among them those of RFC 4475 that touch what is read. */
import { describe, expect, it } from 'vitest';
import { bytesOf, INVITE, lines, OK, REGISTER, SIP, TORTUOUS } from '../../bench/signalling/sip.js';
import { FRAME } from '../../src/wire/frame.js';
import { decodeSdp } from '../../src/wire/sdp.js';
import { createSipMessage, decodeSip, frameSip, MAX_CONTACTS, type SipMessage } from '../../src/wire/sip.js';
import { findDescription } from '../../src/wire/sip-body.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { capturedPayloads, hasCapture } from '../arbitrary/captured-payloads.js';

function decoded(message: string | Uint8Array): SipMessage | null {
  const bytes = typeof message === 'string' ? bytesOf(message) : message;
  const out = createSipMessage();
  return decodeSip(out, viewed(bytes), 0, bytes.length) ? out : null;
}

function framed(message: string): number {
  const bytes = bytesOf(message);
  return frameSip(viewed(bytes), 0, bytes.length);
}

/** A message with what every message needs, and these fields. */
function withFields(...fields: readonly string[]): string {
  return lines(
    'OPTIONS sip:a@b SIP/2.0',
    'Via: SIP/2.0/UDP a.example:5061;branch=z9hG4bKx',
    'From: <sip:a@b>;tag=f',
    'To: <sip:b@c>',
    'Call-ID: c@d',
    'CSeq: 7 OPTIONS',
    ...fields,
    '',
  );
}

const changed = (from: string, to: string): SipMessage | null => decoded(withFields().replace(from, to));

describe('a message of SIP', () => {
  it('is a request', () => {
    expect(decoded(INVITE)).toEqual({
      method: 'INVITE',
      status: 0,
      callId: '3848276298220188511@example.com',
      cseq: 1,
      cseqMethod: 'INVITE',
      fromTag: '9fxced76sl',
      toTag: '',
      via: {
        transport: 'UDP',
        host: '192.168.1.10',
        port: 5062,
        branch: 'z9hG4bK74bf9',
        received: '',
        rport: 0,
      },
      contacts: [{ host: '192.168.1.10', port: 5062, transport: 'udp', expires: -1 }],
      isEveryContact: false,
      hasCredentials: false,
      expires: -1,
      contentLength: INVITE.length - INVITE.indexOf('v=0'),
      contentType: 'application/sdp',
      bodyStart: INVITE.indexOf('v=0'),
      bodyEnd: INVITE.length,
    });
  });

  it('is a response, with compact names', () => {
    expect(decoded(OK)).toMatchObject({
      method: '',
      status: 200,
      callId: '3848276298220188511@example.com',
      cseqMethod: 'INVITE',
      fromTag: '9fxced76sl',
      toTag: '314159',
      via: { host: '192.168.1.10', port: 5062, received: '203.0.113.7', rport: 40000 },
      contacts: [{ host: '2001:db8::1', port: 5080, transport: '', expires: -1 }],
      bodyStart: OK.indexOf('v=0'),
      bodyEnd: OK.length,
    });
  });

  it('is a registration with several contacts', () => {
    expect(decoded(REGISTER)).toMatchObject({
      method: 'REGISTER',
      expires: 7200,
      via: { transport: 'TCP', host: 'client.example.com', port: 0, rport: -1 },
      contacts: [
        { host: '192.168.1.20', port: 49152, transport: 'tcp', expires: 600 },
        { host: '2001:db8::5', port: 0, expires: 3600 },
        { host: 'host', port: 0, expires: -1 },
      ],
    });
    expect(decoded(withFields('m: *', 'Expires: 0'))).toMatchObject({
      isEveryContact: true,
      hasCredentials: false,
      contacts: [],
      expires: 0,
    });
  });

  it('has a sequence number, whatever zeros are before it', () => {
    expect(changed('CSeq: 7', 'CSeq: 0000000000000000000007')).toMatchObject({ cseq: 7 });
    expect(changed('CSeq: 7', 'CSeq: 0')).toMatchObject({ cseq: 0 });
    expect(changed('CSeq: 7', 'CSeq: 2147483647')).toMatchObject({ cseq: 2147483647 });
    expect(changed('CSeq: 7', 'CSeq: ')).toBeNull();
  });

  it('keeps so many contacts and no more', () => {
    const many = new Array<string>(100).fill('Contact: <sip:a@b>, <sip:c@d>');
    expect(decoded(withFields(...many))?.contacts).toHaveLength(MAX_CONTACTS);
  });

  it('may end its lines in LF alone', () => {
    expect(decoded(INVITE.replaceAll('\r\n', '\n').replace(/Content-Length: \d+\n/, ''))).toMatchObject({
      callId: '3848276298220188511@example.com',
    });
  });

  it('may begin each value on its second line', () => {
    expect(decoded(withFields('Content-Length: 0').replaceAll(/: (?!a@b)/g, ':\r\n\t '))).toMatchObject({
      callId: 'c@d',
      fromTag: 'f',
      cseq: 7,
      contentLength: 0,
      via: { host: 'a.example', port: 5061 },
    });
    expect(changed('From: <', 'From:\r\n  "A ; <B>"\r\n <')).toMatchObject({ fromTag: 'f' });
  });

  it('may have empty lines before it', () => {
    expect(decoded(`\r\n\r\n${REGISTER}`)).toMatchObject({ method: 'REGISTER' });
  });

  it('is none at every earlier end of its head and body', () => {
    for (const bytes of SIP) {
      const out = createSipMessage();
      if (!decodeSip(out, viewed(bytes), 0, bytes.length)) continue;
      const least = out.contentLength < 0 ? out.bodyStart : out.bodyEnd;
      for (let end = 0; end < least; end++)
        expect(decodeSip(createSipMessage(), viewed(bytes), 0, end)).toBe(false);
      expect(decodeSip(createSipMessage(), viewed(bytes), 0, least)).toBe(true);
    }
  });

  it('has times in seconds, however many', () => {
    expect(decoded(withFields('Expires: 99999999999999'))).toMatchObject({ expires: 0x7fffffff });
    expect(decoded(withFields('Expires: 0xff'))).toMatchObject({ expires: -1 });
    expect(decoded(withFields('Contact: <sip:a@b>;expires=-3'))?.contacts[0]).toMatchObject({ expires: -1 });
  });
});

describe('RFC 4475', () => {
  it('3.1.1.1: a tortuous INVITE', () => {
    expect(decoded(TORTUOUS)).toMatchObject({
      method: 'INVITE',
      callId: 'wsinv.ndaksdj@192.0.2.1',
      cseq: 9,
      fromTag: '98asjd8',
      toTag: '1918181833n',
      via: { transport: 'UDP', host: '192.0.2.2', port: 0, branch: '390skdjuw' },
      contacts: [{ host: 'example.com', port: 0 }],
      contentLength: 2,
    });
  });

  it('3.1.1.2: a wide range of characters', () => {
    const method = "!interesting-Method0123456789_*+`.%indeed'~";
    const message = withFields()
      .replaceAll('OPTIONS', method)
      .replace('c@d', 'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{')
      .replace(
        'sip:a@b SIP',
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP",
      );
    expect(decoded(message)).toMatchObject({
      method,
      callId: 'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{',
    });
    const tag = "_token~1'+`*%!-.";
    expect(changed('tag=f', `tag=${tag}`)).toMatchObject({ fromTag: tag });
  });

  it('3.1.1.3, 4, 5: escapes stay what they are', () => {
    const message = withFields('Contact: <sip:cal%6Cer%40x@192.0.2.2:5061>, <sip:%00@192.0.2.198>');
    expect(decoded(message.replaceAll('OPTIONS', 'RE%47IST%45R'))).toMatchObject({
      method: 'RE%47IST%45R',
      contacts: [
        { host: '192.0.2.2', port: 5061 },
        { host: '192.0.2.198', port: 0 },
      ],
    });
  });

  it('3.1.1.6: no blank between name and bracket', () => {
    expect(changed('From: <sip:a@b>', 'From: caller<sip:caller@example.com>')).toMatchObject({
      fromTag: 'f',
    });
  });

  it('3.1.1.7: long values', () => {
    const long = `longreq.${'really'.repeat(80)}`;
    expect(changed('c@d', long)).toMatchObject({ callId: long });
    expect(changed('z9hG4bKx', `z9hG4bK${long}`)?.via.branch).toBe(`z9hG4bK${long}`);
    expect(changed('c@d', 'x'.repeat(5000))).toBeNull();
  });

  it('3.1.1.8: what follows the message in its datagram is no part of it', () => {
    const message = withFields('Content-Length: 0');
    expect(decoded(message + INVITE)).toMatchObject({ bodyStart: message.length, bodyEnd: message.length });
  });

  it('3.1.1.9: a semicolon in the user part', () => {
    expect(
      decoded(withFields('Contact: <sip:user;par=u%40example.net@host.example:5070;transport=TCP>'))
        ?.contacts,
    ).toEqual([{ host: 'host.example', port: 5070, transport: 'tcp', expires: -1 }]);
  });

  it('3.1.1.10: other transports', () => {
    for (const transport of ['TCP', 'TLS', 'SCTP', 'UNKNOWN', 'ws'])
      expect(changed('UDP', transport)?.via.transport).toBe(transport.toUpperCase());
  });

  it('3.1.1.12, 13: unusual reasons', () => {
    const response = (line: string) => decoded(withFields().replace('OPTIONS sip:a@b SIP/2.0', line));
    expect(response('SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe')).toMatchObject({ status: 200 });
    expect(response('SIP/2.0 100 ')).toMatchObject({ status: 100 });
    expect(response('SIP/2.0 4294967301 better not break the receiver')).toBeNull();
    expect(response('SIP/2.0 99 low')).toBeNull();
    expect(response('SIP/2.0 700 high')).toBeNull();
  });

  it('3.1.2: what is refused', () => {
    expect(decoded(withFields('Content-Length: 9999'))).toBeNull();
    expect(decoded(withFields('Content-Length: -999'))).toBeNull();
    expect(changed('CSeq: 7', 'CSeq: 36893488147419103232')).toBeNull();
    expect(changed('CSeq: 7', 'CSeq: 2147483648')).toBeNull();
    expect(changed('To: <sip:b@c>', 'To: "Mr. J. User <sip:j.user@example.com>')).toBeNull();
    expect(changed('sip:a@b SIP', '<sip:user@example.com> SIP')).toBeNull();
    expect(changed('sip:a@b SIP', 'sip:user@example.com; lr SIP')).toBeNull();
    expect(changed('OPTIONS sip:a@b SIP', 'OPTIONS  sip:a@b  SIP')).toBeNull();
    expect(changed('a@b SIP/2.0', 'a@b SIP/2.0 ')).toBeNull();
    expect(changed('a@b SIP/2.0', 'a@b SIP/7.0')).toBeNull();
    expect(changed('7 OPTIONS', '7 INVITE')).toBeNull();
  });

  it('3.3.1, 8, 9: fields that are missing, and there more than once', () => {
    for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq'])
      expect(changed(`${name}:`, 'X-Other:')).toBeNull();
    for (const field of ['From: <sip:a@b>;tag=x', 't: <sip:a@b>', 'i: other', 'CSeq: 7 OPTIONS'])
      expect(decoded(withFields(field))).toBeNull();
    expect(decoded(`${withFields('Content-Length: 0', 'l: 1')}x`)).toBeNull();
    expect(decoded(withFields('Content-Length: 0', 'l: 0'))).not.toBeNull();
  });
});

describe('hostile messages', () => {
  it('have control characters in what identifies them', () => {
    expect(changed('c@d', 'c\0d')).toBeNull();
    expect(changed('c@d', 'c\x1bd')).toBeNull();
    expect(changed('c@d', 'c d')).toBeNull();
    expect(changed('c@d', '')).toBeNull();
  });

  it('have ports and hosts that are none', () => {
    for (const by of ['a:65536', 'a:0', 'a:-1', 'a:x', '[::1', ':5060', 'a b', '<a>', `${'a'.repeat(256)}`])
      expect([by, changed('a.example:5061', by)]).toEqual([by, null]);
    expect(changed('a.example:5061', '[2001:DB8::1] : 5061')?.via).toMatchObject({
      host: '2001:db8::1',
      port: 5061,
    });
    for (const contact of ['tel:+123', 'sip:', 'sip:a@b@c', '<sip:a', 'sip:a@b:0x1', 'http://a@b', '"'])
      expect(decoded(withFields(`Contact: ${contact}`))).toMatchObject({ contacts: [] });
  });

  it('have contacts with headers, and users with what is not theirs', () => {
    const contact = (text: string) => decoded(withFields(`Contact: ${text}`))?.contacts[0];
    expect(contact('<sip:host.example:5070?Subject=a>')).toMatchObject({ host: 'host.example', port: 5070 });
    expect(contact('<sip:a;b?c@host.example:5070;transport=tls?Subject=a&x=y>')).toMatchObject({
      host: 'host.example',
      port: 5070,
      transport: 'tls',
    });
    expect(contact('SIPS:host.example;maddr=x')).toMatchObject({ host: 'host.example', port: 0 });
  });

  it('have more fields than anybody needs', () => {
    expect(decoded(withFields(...new Array<string>(120).fill('X: y')))).not.toBeNull();
    expect(decoded(withFields(...new Array<string>(130).fill('X: y')))).toBeNull();
  });
});

describe('a stream of SIP', () => {
  it('has a message, and then the next', () => {
    const at = framed(INVITE + REGISTER);
    expect(at).toBe(INVITE.length);
    const bytes = bytesOf(INVITE + REGISTER);
    expect(frameSip(viewed(bytes), at, bytes.length)).toBe(REGISTER.length);
  });

  it('waits for all of a message', () => {
    for (let end = 0; end < INVITE.length; end++) expect(framed(INVITE.slice(0, end))).toBe(FRAME.INCOMPLETE);
  });

  it('has line ends that keep it alive', () => {
    expect(framed('\r\n\r\n')).toBe(4);
    expect(framed(`\r\n${REGISTER}`)).toBe(2);
    expect(decoded('\r\n\r\n')).toBeNull();
  });

  it('is something else', () => {
    for (const text of [
      '\x16\x03\x01\x02',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'a'.repeat(64),
      ' INVITE',
      '\0',
    ])
      expect(framed(text)).toBe(FRAME.NOT);
  });

  it('needs a length, and one that fits', () => {
    expect(framed(withFields())).toBe(FRAME.NOT);
    expect(framed(withFields('l: 65536'))).toBe(FRAME.NOT);
    expect(framed(withFields('l: 0', 'Content-Length: 1'))).toBe(FRAME.NOT);
    expect(framed(withFields('X: y'.repeat(6000)))).toBe(FRAME.NOT);
    // A message that nobody would take may still be passed by.
    expect(framed(withFields('l: 0').replace('CSeq: 7', 'CSeq: x'))).toBeGreaterThan(0);
  });
});

describe.skipIf(!hasCapture('sip.pcap'))('the capture of SIP (skipped where it is not)', () => {
  it('has registrations, calls and their answers; what is no message are blanks', () => {
    const seen: Record<string, number> = {};
    const media = new Set<string>();
    for (const { bytes, sourcePort, destinationPort } of capturedPayloads('sip.pcap')) {
      if (sourcePort !== 5060 && destinationPort !== 5060) continue;
      const message = decoded(bytes);
      if (message === null) {
        expect(bytes).toEqual(bytesOf('     '));
        continue;
      }
      const what = message.method || `${message.status}`;
      seen[what] = (seen[what] ?? 0) + 1;
      const part = findDescription(viewed(bytes), message.contentType, message.bodyStart, message.bodyEnd);
      const found = part === null ? null : decodeSdp(viewed(bytes), part.start, part.end);
      for (const { kind, host, port, rtcpPort } of found?.media ?? [])
        media.add(`${kind} ${host} ${port} ${rtcpPort}`);
    }
    expect(seen).toEqual({
      '100': 7,
      '183': 1,
      '200': 3,
      '401': 14,
      '403': 3,
      '407': 3,
      '408': 2,
      '480': 1,
      ACK: 7,
      CANCEL: 11,
      INVITE: 11,
      REGISTER: 18,
    });
    expect([...media]).toEqual(['audio 192.168.1.2 30000 30001', 'audio 212.242.33.36 40392 40393']);
  });
});
