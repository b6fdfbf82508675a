/** First payloads to test and fuzz with: ClientHellos and HTTP requests, as clients send them and as they should not. */

/** What a ClientHello is made of; without anything, one as TLS 1.3 clients send it. */
export interface HelloFields {
  readonly name?: string;
  /** Type and content of further extensions, behind the server name. */
  readonly extensions?: readonly (readonly [number, readonly number[]])[];
  /** No extensions at all, as before TLS 1.3. */
  readonly plain?: boolean;
}

const word = (value: number): number[] => [value >> 8, value & 0xff];
export const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

/** The handshake message alone. */
export function helloMessage({
  name = 'www.example.com',
  extensions = [],
  plain = false,
}: HelloFields): number[] {
  const serverName = ascii(name);
  const all = [
    ...(name === ''
      ? []
      : [[0, [...word(serverName.length + 3), 0, ...word(serverName.length), ...serverName]] as const]),
    [0x0a0a, []] as const,
    [43, [4, 3, 4, 3, 3]] as const,
    ...extensions,
  ].flatMap(([type, content]) => [...word(type), ...word(content.length), ...content]);
  const body = [
    ...word(0x0303),
    ...new Array<number>(32).fill(0x5a),
    32,
    ...new Array<number>(32).fill(0x11),
    ...word(6),
    ...[0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f],
    1,
    0,
    ...(plain ? [] : [...word(all.length), ...all]),
  ];
  return [1, body.length >> 16, ...word(body.length & 0xffff), ...body];
}

/** Cut into records of at most `most` bytes. */
export function records(message: readonly number[], most = 16_384): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < message.length; at += most) {
    const part = message.slice(at, at + most);
    out.push(22, 3, 1, ...word(part.length), ...part);
  }
  return Uint8Array.from(out);
}

const EARLY_DATA = [42, []] as const;
const PRE_SHARED_KEY = [41, [0, 6, 0, 0, 1, 2, 3, 4, 0, 4, 3, 1, 2, 3]] as const;
/** X25519MLKEM768: what makes a ClientHello larger than a segment. */
const KEY_SHARE = [
  51,
  [...word(1222), 0x11, 0xec, ...word(1216), ...new Array<number>(1216).fill(7)],
] as const;

export const HELLOS: readonly Uint8Array[] = [
  records(helloMessage({})),
  records(helloMessage({ name: '' })),
  records(helloMessage({ plain: true })),
  records(helloMessage({ extensions: [EARLY_DATA, PRE_SHARED_KEY] })),
  records(helloMessage({ extensions: [KEY_SHARE, PRE_SHARED_KEY] })),
  records(helloMessage({ extensions: [KEY_SHARE] }), 500),
  records(helloMessage({}), 7),
  Uint8Array.from([
    ...records(helloMessage({ extensions: [EARLY_DATA] })),
    20,
    3,
    3,
    0,
    1,
    1,
    23,
    3,
    3,
    0,
    2,
    1,
    2,
  ]),
];

export const REQUESTS: readonly Uint8Array[] = [
  'GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n',
  'HEAD /a?b=c HTTP/1.0\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\nExpect: 100-continue\r\n\r\n',
  'POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
].map((text) => Uint8Array.from(ascii(text)));
