/** Whether a stream begins with a ClientHello (RFC 8446), and with which. */
import { createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { ascii, HELLOS, helloMessage, records } from '../../bench/signalling/hello.js';
import { createClientHello, decodeClientHello, HELLO, MAX_HELLO } from '../../src/wire/tls-hello.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

function decoded(bytes: Uint8Array | readonly number[]) {
  const hello = createClientHello();
  const result = decodeClientHello(hello, viewed(Uint8Array.from(bytes)), 0, bytes.length);
  return result === HELLO.CLIENT_HELLO ? hello : result;
}

const EARLY_DATA = [42, []] as const;
const PRE_SHARED_KEY = [41, [1, 2, 3]] as const;

/** What a real client sends first. */
function sentBy(options: { readonly servername?: string }): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => {});
      socket.once('data', (data: Uint8Array) => {
        resolve(data);
        socket.destroy();
        server.close();
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port'));
      connect({ port: address.port, host: '127.0.0.1', rejectUnauthorized: false, ...options }).on(
        'error',
        () => {},
      );
    });
  });
}

describe('a ClientHello', () => {
  it('is read with its server name', () => {
    const bytes = records(helloMessage({ name: 'WWW.Example.com' }));
    expect(decoded(bytes)).toEqual({
      hasEarlyData: false,
      hasPreSharedKey: false,
      serverName: 'www.example.com',
      after: bytes.length,
      isFollowed: false,
    });
  });

  it('of a real client is one', async () => {
    const bytes = await sentBy({ servername: 'real.example.org' });
    expect(decoded(bytes)).toMatchObject({
      serverName: 'real.example.org',
      hasEarlyData: false,
      isFollowed: false,
    });
    expect(decoded(await sentBy({}))).toMatchObject({ serverName: '' });
  });

  it('says that early data may follow, and that it does', () => {
    expect(decoded(records(helloMessage({ extensions: [EARLY_DATA, PRE_SHARED_KEY] })))).toMatchObject({
      hasEarlyData: true,
      hasPreSharedKey: true,
      isFollowed: false,
    });
    const followed = [...records(helloMessage({})), 23, 3, 3, 0, 1, 0];
    expect(decoded(followed)).toMatchObject({ isFollowed: true, after: followed.length - 6 });
  });

  it('may be another message’s neighbour in one record, which is told', () => {
    const message = helloMessage({});
    expect(decoded(records([...message, 1]))).toMatchObject({ isFollowed: true, after: 5 + message.length });
  });

  it('may lie in several records, and be larger than a segment', () => {
    for (const most of [1000, 500, 100, 20])
      expect(decoded(records(helloMessage({}), most))).toMatchObject({ serverName: 'www.example.com' });
    const large = helloMessage({ extensions: [[51, new Array<number>(9000).fill(1)]] });
    expect(decoded(records(large, 4000))).toMatchObject({ serverName: 'www.example.com' });
  });

  it('is incomplete at every earlier end, and complete at no earlier one', () => {
    for (const bytes of HELLOS) {
      const whole = decoded(bytes);
      if (typeof whole === 'number') throw new Error('no ClientHello');
      for (let end = 0; end < whole.after; end++) expect(decoded(bytes.slice(0, end))).toBe(HELLO.INCOMPLETE);
    }
  });

  it('has no name that is none', () => {
    for (const name of ['a b', 'a\0b', 'ä.example', '<script>', '1.2.3.4:5', 'a'.repeat(256)])
      expect(decoded(records(helloMessage({ name })))).toMatchObject({ serverName: '' });
  });

  it('may have no extensions', () => {
    const [type, , , , ...body] = helloMessage({ plain: true });
    expect(decoded(records([type, 0, 0, body.length, ...body]))).toMatchObject({ serverName: '' });
    // A list of none.
    expect(decoded(records([type, 0, 0, body.length + 2, ...body, 0, 0]))).toMatchObject({ serverName: '' });
    expect(decoded(records([type, 0, 0, body.length + 1, ...body, 0]))).toBe(HELLO.NOT);
  });
});

describe('the lengths of a ClientHello', () => {
  /** With a session id of so many bytes, in a record of this version. */
  function withSession(length: number, minor = 1): Uint8Array {
    const [, , , , ...body] = helloMessage({});
    const longer = [...body.slice(0, 34), length, ...new Array<number>(length).fill(7), ...body.slice(67)];
    const bytes = records([1, 0, longer.length >> 8, longer.length & 255, ...longer]);
    bytes[2] = minor;
    return bytes;
  }

  it('are those that may be', () => {
    for (const length of [0, 1, 32])
      expect(decoded(withSession(length))).toMatchObject({ serverName: 'www.example.com' });
    expect(decoded(withSession(33))).toBe(HELLO.NOT);
  });

  it('hold for every version of records', () => {
    for (const minor of [0, 1, 2, 3, 4])
      expect(decoded(withSession(32, minor))).toMatchObject({ isFollowed: false });
    expect(decoded(withSession(32, 5))).toBe(HELLO.NOT);
  });
});

describe('no ClientHello', () => {
  const not = (bytes: readonly number[]): void => expect(decoded(bytes)).toBe(HELLO.NOT);
  const whole = [...records(helloMessage({}))];

  it('is what begins otherwise', () => {
    not(ascii('GET / HTTP/1.1\r\n\r\n'));
    not([23]);
    not([22, 2]);
    not([22, 3, 5]);
    // SSL 2.0, a ServerHello, a record of nothing.
    not([0x80, 0x2e, 1, 3, 1]);
    not([22, 3, 3, 0, 4, 2, 0, 0, 60]);
    not([22, 3, 1, 0, 0]);
    not([22, 3, 1, 0x40, 0x01, 1]);
  });

  it('is what has a length that does not fit', () => {
    // Session id, cipher suites (odd, none), compression, extensions.
    for (const [at, value] of [
      [43, 33],
      [77, 7],
      [77, 0],
      [84, 0],
      [87, 0],
      [87, 0xff],
      [91, 0xff],
    ]) {
      const bytes = [...whole];
      bytes[at] = value;
      not(bytes);
    }
  });

  it('is another record between its own', () => {
    const bytes = [...records(helloMessage({}), 50)];
    bytes[55] = 20;
    not(bytes);
  });

  it('is what would be larger than anybody sends', () => {
    not([22, 3, 1, 0x40, 0, 1, 1, 0, 0]);
    const slow = records(helloMessage({ extensions: [[21, new Array<number>(15_000).fill(0)]] }), 10);
    expect(slow.length).toBeGreaterThan(MAX_HELLO);
    not([...slow]);
    // A byte a record.
    not([...records(helloMessage({}), 1)]);
  });
});
