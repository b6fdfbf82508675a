/** Which HTTP requests may be given to several routes (RFC 9110 section 9.2.1, RFC 9112). */
import { describe, expect, it } from 'vitest';
import { ascii } from '../../bench/signalling/hello.js';
import { createHttpRequest, decodeHttpRequest, HTTP } from '../../src/wire/http-request.js';
import { MAX_HEAD } from '../../src/wire/text-head.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

function verdict(text: string): string {
  const request = createHttpRequest();
  const bytes = Uint8Array.from(ascii(text));
  const result = decodeHttpRequest(request, viewed(bytes), 0, bytes.length);
  if (result === HTTP.UNSAFE) return request.reason;
  return ['incomplete', 'safe', 'unsafe', 'not'][result];
}

const HOST = 'Host: a\r\n';
const get = (fields: string, line = 'GET / HTTP/1.1'): string => `${line}\r\n${fields}\r\n`;

describe('a safe request', () => {
  it.each([
    get(HOST),
    get('', 'GET / HTTP/1.0'),
    get(HOST, 'HEAD /a%20b?c=d&e HTTP/1.1'),
    get(HOST, 'OPTIONS * HTTP/1.1'),
    get(HOST, 'GET http://example.com/ HTTP/1.1'),
    get(`${HOST}Content-Length: 0\r\n`),
    get(`${HOST}Connection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\n`),
    get(`${HOST}X-Name: J\xc3\xbcrgen\r\nCookie:a=b\r\nEmpty:\r\n`),
  ])('%j', (text) => {
    expect(verdict(text)).toBe('safe');
    for (let end = 0; end < text.length; end++) expect(verdict(text.slice(0, end))).toBe('incomplete');
  });
});

describe('an unsafe request', () => {
  it.each(['POST', 'PUT', 'DELETE', 'CONNECT', 'TRACE', 'PATCH'])('%s changes something', (method) => {
    expect(verdict(`${method} `)).toBe('method');
    expect(verdict(get(HOST, `${method} / HTTP/1.1`))).toBe('method');
    expect(verdict(method)).toBe('incomplete');
  });

  it('has a body, or may have one', () => {
    for (const field of [
      'Content-Length: 1',
      'CONTENT-LENGTH:  3',
      'content-length: 0, 0',
      'Content-Length: 00',
      'Content-Length: -1',
      'Content-Length:',
      'Content-Length: \xa00',
      'Content-Length: 0\x0b',
      'Content-Length: 99999999999999999999',
      'Content-Length: 0\r\nContent-Length: 5',
      'Transfer-Encoding: chunked',
      'transfer-encoding: identity',
    ])
      expect(verdict(get(`${HOST}${field}\r\n`))).toBe('body');
  });

  it('becomes something else, or waits', () => {
    expect(verdict(get(`${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n`))).toBe('upgrade');
    expect(verdict(get(`${HOST}Connection: close, upgrade\r\n`))).toBe('upgrade');
    expect(verdict(get(`${HOST}HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n`))).toBe('upgrade');
    expect(verdict(get(`${HOST}Expect: 100-continue\r\n`))).toBe('expect');
    expect(verdict('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toBe('method');
  });

  it('is followed by another one, or by anything', () => {
    expect(verdict(get(HOST) + get(HOST))).toBe('pipelined');
    expect(verdict(`${get(HOST)}x`)).toBe('pipelined');
    expect(verdict(`${get(HOST)}\r\n`)).toBe('pipelined');
  });

  it('may be understood in two ways', () => {
    for (const text of [
      get(`${HOST}X: a\r\n b\r\n`),
      get(`${HOST}X : a\r\n`),
      get(`${HOST}X\r\n`),
      get(`${HOST}: a\r\n`),
      get(`${HOST}X Y: a\r\n`),
      get(`${HOST}X: a\0b\r\n`),
      get(`${HOST}X: a\rTransfer-Encoding: chunked\r\n`),
      get(' Host: a\r\n'),
      'GET / HTTP/1.1\nHost: a\n\n',
      'GET / HTTP/1.1\r\nHost: a\n\r\n',
      get(HOST, 'GET  / HTTP/1.1'),
      get(HOST, 'GET / a HTTP/1.1'),
      get(HOST, 'GET / HTTP/1.2'),
      get(HOST, 'GET / http/1.1'),
      get(HOST, 'GET /\xe4 HTTP/1.1'),
      get(HOST, 'GET /'),
      get(HOST, 'GET HTTP/1.1'),
      'GET /\r\n\r\n',
    ])
      expect([text, verdict(text)]).toEqual([text, 'malformed']);
  });

  it('is known as such as early as that', () => {
    for (const text of [
      'GET / HTTP/1.1\r\nX: a\rb',
      'GET / HTTP/1.1\r\nX: a\0',
      'GET / HTTP/1.1\n',
      'GET / HTTP/1.1\r\n X',
    ])
      expect([text, verdict(text)]).toEqual([text, text.endsWith(' X') ? 'incomplete' : 'malformed']);
  });

  it('does not end', () => {
    expect(verdict(`GET /${'a'.repeat(MAX_HEAD)}`)).toBe('too-long');
    expect(verdict(`GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(4000)}`)).not.toBe('incomplete');
    expect(verdict(`GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(200)}`)).toBe('malformed');
  });
});

describe('no request', () => {
  it.each([
    'SSH-2.0-OpenSSH_9.6\r\n',
    'get / HTTP/1.1\r\n',
    '\r\nGET / ',
    '\x16\x03\x01',
    'HELO a\r\n',
    'GETX',
    'EHLO',
  ])('%j', (text) => expect(verdict(text)).toBe('not'));

  it('may become one while there is nothing', () => {
    expect(verdict('')).toBe('incomplete');
  });
});
