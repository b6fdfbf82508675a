/** Where data connections of FTP go (RFC 959, 2428), and who answers a request of TFTP (RFC 1350, 2347). */
import { describe, expect, it } from 'vitest';
import { FTP, request, TFTP } from '../../bench/signalling/ftp.js';
import { ascii } from '../../bench/signalling/hello.js';
import { bytesOf } from '../../bench/signalling/sip.js';
import { formatAddress } from '../../src/model/address.js';
import { FRAME } from '../../src/wire/frame.js';
import { decodeFtp, frameFtp, MAX_FTP_LINE } from '../../src/wire/ftp.js';
import { answersTftp, decodeTftp } from '../../src/wire/tftp.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

function line(text: string) {
  const bytes = bytesOf(text);
  const found = decodeFtp(viewed(bytes), 0, bytes.length);
  return found === null
    ? null
    : { ...found, address: found.address === null ? null : formatAddress(found.address) };
}

/** `address port` of a line, or '' when it says none. */
function end(text: string): string {
  const found = line(`${text}\r\n`);
  return found === null || found.port === 0 ? '' : `${found.address} ${found.port}`;
}

describe('a line of FTP', () => {
  it('says where the client waits', () => {
    expect(line('PORT 192,168,1,10,19,137\r\n')).toEqual({
      command: 'PORT',
      code: 0,
      isLast: true,
      port: 5001,
      address: '192.168.1.10',
    });
    expect(end('port 192,168,1,10,0,20')).toBe('192.168.1.10 20');
    expect(end('EPRT |1|192.168.1.10|5001|')).toBe('192.168.1.10 5001');
    expect(end('EPRT !2!2001:DB8::9!65535!')).toBe('2001:db8::9 65535');
  });

  it('says where the server waits', () => {
    for (const text of [
      'Entering Passive Mode (203,0,113,5,195,80).',
      '=203,0,113,5,195,80',
      'to 203,0,113,5,195,80',
    ])
      expect(end(`227 ${text}`)).toBe('203.0.113.5 50000');
    expect(end('229 Entering Extended Passive Mode (|||6446|)')).toBe('null 6446');
    expect(end('229 ok ($$$6446$)')).toBe('null 6446');
  });

  it('says no such thing', () => {
    for (const text of [
      'PORT 192,168,1,256,19,137',
      'PORT 192,168,1,10,0,0',
      'PORT 192,168,1,10,19',
      'PORT 1,192,168,1,10,19,137',
      'PORT 192,168,1,10,19,1370',
      'PORT',
      'EPRT |1|2001:db8::9|5001|',
      'EPRT |2|192.168.1.10|5001|',
      'EPRT |1|::ffff:192.0.2.1|5001|',
      'EPRT |3|192.168.1.10|5001|',
      'EPRT |1|192.168.1.10|0|',
      'EPRT |1|192.168.1.10|65536|',
      'EPRT |1|192.168.1.10|5001',
      'EPRT |1|192.168.1.10|5001||',
      'EPRT ',
      '227-Entering Passive Mode (203,0,113,5,195,80)',
      '229 (|||65536|)',
      '229 (||1|6446|)',
      '229 (|||0|)',
      '226 (203,0,113,5,195,80)',
      'RETR 1,2,3,4,5,6',
    ])
      expect([text, end(text)]).toEqual([text, '']);
  });

  it('is a reply that goes on, a command with Telnet before it', () => {
    expect(line('220-Welcome\r\n')).toMatchObject({ code: 220, isLast: false });
    expect(line('220 done\r\n')).toMatchObject({ code: 220, isLast: true });
    expect(line('234\r\n')).toMatchObject({ code: 234, isLast: true });
    expect(line('\xff\xf4\xff\xf2ABOR\r\n')).toMatchObject({ command: 'ABOR' });
    expect(line('auth TLS\n')).toMatchObject({ command: 'AUTH' });
    expect(line('PASV\r\n')).toMatchObject({ command: 'PASV', port: 0 });
  });

  it('is none', () => {
    for (const text of [
      '',
      '\r\n',
      ' 220 x\r\n',
      '600 x\r\n',
      '22 x\r\n',
      '2200 x\r\n',
      '\x16\x03\x01\n',
      'PO\0RT 1,2,3,4,5,6\r\n',
    ])
      expect([text, line(text)]).toEqual([text, null]);
    expect(line(`RETR ${'a'.repeat(MAX_FTP_LINE)}\r\n`)).toBeNull();
  });

  it('ends where it does', () => {
    const framed = (text: string): number => frameFtp(viewed(bytesOf(text)), 0, text.length);
    expect(framed('USER a\r\nPASS b\r\n')).toBe(8);
    expect(framed('\n')).toBe(1);
    for (const bytes of FTP) {
      const first = bytes.indexOf(10) + 1;
      for (let at = 0; at < first; at++) expect(frameFtp(viewed(bytes), 0, at)).toBe(FRAME.INCOMPLETE);
      expect(frameFtp(viewed(bytes), 0, bytes.length)).toBe(first);
    }
    expect(framed('a'.repeat(MAX_FTP_LINE - 1))).toBe(FRAME.INCOMPLETE);
    expect(framed('a'.repeat(MAX_FTP_LINE))).toBe(FRAME.NOT);
  });
});

describe('a datagram of TFTP', () => {
  const decoded = (bytes: Uint8Array | readonly number[]) =>
    decodeTftp(viewed(Uint8Array.from(bytes)), 0, bytes.length);

  it('is a request, or an answer', () => {
    expect(TFTP.map(decoded)).toEqual([
      { kind: 'read', block: 0 },
      { kind: 'write', block: 0 },
      { kind: 'data', block: 1 },
      { kind: 'acknowledgement', block: 0 },
      { kind: 'error', block: 0 },
      { kind: 'options', block: 0 },
    ]);
  });

  it('answers what was asked', () => {
    const [, , data, acknowledgement, error, options] = TFTP.map((bytes) => decoded(bytes)!);
    expect([data, acknowledgement, error, options].map((one) => answersTftp('read', one))).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect([data, acknowledgement, error, options].map((one) => answersTftp('write', one))).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(answersTftp('read', { kind: 'data', block: 2 })).toBe(false);
    expect(answersTftp('write', { kind: 'acknowledgement', block: 1 })).toBe(false);
    expect(answersTftp('data', data)).toBe(false);
  });

  it('is none', () => {
    for (const bytes of [
      [],
      [0, 1],
      [0, 0, 0, 0],
      [0, 7, 0, 0],
      [1, 1, 0x61, 0],
      request(1, '', 'octet'),
      request(1, 'a', 'binary'),
      request(1, 'a', 'octet', 'blksize'),
      request(1, 'a'.repeat(600), 'octet'),
      [0, 1, ...ascii('a'), 0, ...ascii('octet')],
      [0, 4, 0, 0, 0],
      [0, 5, 0, 1],
      [0, 6, ...ascii('blksize'), 0],
    ])
      expect(decoded(bytes)).toBeNull();
  });

  it('is no request at any earlier end', () => {
    for (const bytes of TFTP.slice(0, 1))
      for (let at = 0; at < bytes.length; at++) expect(decoded(bytes.slice(0, at))).toBeNull();
  });
});
