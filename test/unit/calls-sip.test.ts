/** Calls and registrations of SIP as they pass: counted, their media expected, their clients kept. */
import { describe, expect, it } from 'vitest';
import { FLAG, PROTOCOL } from '../../src/wire/packet.js';
import { CLIENT, Listener, OUTSIDE, SERVER } from './calls-tools.js';

interface Words {
  readonly method?: string;
  readonly cseq?: number;
  readonly toTag?: string;
  readonly callId?: string;
  readonly body?: string;
  readonly fields?: readonly string[];
}

function message(first: string, words: Words): string {
  const { method = 'INVITE', cseq = 1, toTag = '', callId = 'one', body = '', fields = [] } = words;
  return [
    first,
    `Via: SIP/2.0/UDP ${CLIENT}:40000;branch=z9hG4bK${cseq};rport`,
    'From: <sip:alice@example.test>;tag=a',
    `To: <sip:bob@example.test>${toTag === '' ? '' : `;tag=${toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method}`,
    ...fields,
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

const asks = (words: Words = {}): string =>
  message(`${words.method ?? 'INVITE'} sip:bob@example.test SIP/2.0`, words);
const says = (status: number, words: Words = {}): string =>
  message(`SIP/2.0 ${status} So`, { toTag: status > 100 ? 'b' : '', ...words });
const sdp = (host: string, port: number, more: readonly string[] = [], media = 'RTP/AVP 0'): string =>
  `${['v=0', 'o=- 0 0 IN IP4 0.0.0.0', 's=-', `c=IN IP4 ${host}`, 't=0 0', `m=audio ${port} ${media}`, ...more].join('\r\n')}\r\n`;

const sip = (): Listener => new Listener('sip', PROTOCOL.UDP, 5060);
const OURS = sdp(CLIENT, 30_000);
const THEIRS = sdp(SERVER, 20_000);
const MEDIA = [`udp ${CLIENT}:30000 ${SERVER}:20000`, `udp ${CLIENT}:30001 ${SERVER}:20001`];

function answered(ours = OURS, theirs = THEIRS): Listener {
  const phone = sip();
  phone.says('client', asks({ body: ours }));
  phone.says('server', says(200, { body: theirs }));
  return phone;
}

describe('a call', () => {
  it('begins with its INVITE, is one whatever is repeated, and ends with BYE of either side', () => {
    for (const side of ['client', 'server'] as const) {
      const phone = sip();
      phone.says('client', asks());
      phone.says('client', asks());
      expect(phone.count('sip')).toEqual([1, 0, 1]);
      phone.says('server', says(180));
      phone.says('server', says(200));
      phone.says('client', asks({ method: 'ACK', toTag: 'b' }));
      phone.says(side, asks({ method: 'BYE', toTag: 'b', cseq: 2 }));
      phone.says(side, asks({ method: 'BYE', toTag: 'b', cseq: 2 }));
      expect(phone.count('sip')).toEqual([1, 1, 0]);
    }
  });

  it.each([486, 404, 503, 603, 487, 302])('ends with %i', (status) => {
    const phone = sip();
    phone.says('client', asks());
    phone.says('server', says(status));
    expect(phone.count('sip')).toEqual([1, 1, 0]);
  });

  it.each([401, 407])('that is challenged (%i) is asked for again and is the same', (status) => {
    const phone = sip();
    phone.says('client', asks());
    phone.says('server', says(status));
    phone.says('client', asks({ cseq: 2 }));
    phone.says('server', says(200, { cseq: 2 }));
    expect(phone.count('sip')).toEqual([1, 0, 1]);
  });

  it('goes on when something within it is refused', () => {
    const phone = answered();
    phone.says('client', asks({ toTag: 'b', cseq: 2 }));
    phone.says('server', says(488, { cseq: 2 }));
    expect(phone.count('sip')).toEqual([1, 0, 1]);
  });

  it('may come from outside', () => {
    const phone = sip();
    phone.says('server', asks({ body: THEIRS }));
    phone.says('client', says(200, { body: OURS }));
    expect(phone.expected).toEqual(MEDIA);
    phone.says('server', asks({ method: 'BYE', toTag: 'b', cseq: 2 }));
    expect(phone.count('sip')).toEqual([1, 1, 0]);
  });

  it('that nobody ends is over some time: soon while it rings, else after half a day', () => {
    const phone = sip();
    phone.says('client', asks());
    phone.calls.sweep(299e6);
    expect(phone.count('sip')).toEqual([1, 0, 1]);
    phone.calls.sweep(301e6);
    expect(phone.count('sip')).toEqual([1, 1, 0]);
    const talks = answered();
    talks.calls.sweep(11 * 3600e6);
    expect(talks.count('sip')).toEqual([1, 0, 1]);
    talks.calls.sweep(13 * 3600e6);
    expect(talks.count('sip')).toEqual([1, 1, 0]);
  });

  it('counts on its route as soon as it has one', () => {
    const phone = sip();
    phone.route = 0;
    phone.says('client', asks());
    expect(phone.onRoutes).toEqual([]);
    phone.route = 3;
    phone.says('server', says(100));
    phone.says('server', says(200));
    phone.says('client', asks({ method: 'BYE', toTag: 'b', cseq: 2 }));
    expect(phone.onRoutes).toEqual(['sip 3 +', 'sip 3 -']);
  });
});

describe('media', () => {
  it('are expected when both have described them: RTP and RTCP', () => {
    const phone = sip();
    phone.says('client', asks({ body: OURS }));
    expect(phone.expected).toEqual([]);
    phone.says('server', says(183, { body: THEIRS }));
    expect(phone.expected).toEqual(MEDIA);
  });

  it('also when the answer describes first', () => {
    const phone = sip();
    phone.says('client', asks());
    phone.says('server', says(200, { body: THEIRS }));
    phone.says('client', asks({ method: 'ACK', toTag: 'b', body: OURS }));
    expect(phone.expected).toEqual(MEDIA);
  });

  it('have their RTCP where it is said to be, or with RTP', () => {
    const told = answered(sdp(CLIENT, 30_000, ['a=rtcp:31000']), sdp(SERVER, 20_000, ['a=rtcp:21000']));
    expect(told.expected[1]).toBe(`udp ${CLIENT}:31000 ${SERVER}:21000`);
    const muxed = answered(sdp(CLIENT, 30_000, ['a=rtcp-mux']), sdp(SERVER, 20_000, ['a=rtcp-mux']));
    expect(muxed.expected).toEqual([MEDIA[0]]);
  });

  it('may come from another server than the one of the signalling', () => {
    expect(answered(OURS, sdp('198.51.100.77', 20_000)).expected[0]).toBe(
      `udp ${CLIENT}:30000 198.51.100.77:20000`,
    );
  });

  it('are the client’s own alone', () => {
    expect(answered(sdp('192.168.1.99', 30_000)).expected).toEqual([]);
    expect(answered(sdp(OUTSIDE, 30_000)).expected).toEqual(MEDIA);
  });

  it.each([
    '192.168.1.1',
    '10.0.0.1',
    '127.0.0.1',
    '224.0.0.1',
    '169.254.0.1',
    '0.0.0.0',
    '255.255.255.255',
    CLIENT,
    'host.example',
    '2001:db8::1',
  ])('do not come from %s', (host) => {
    expect(answered(OURS, sdp(host, 20_000)).expected).toEqual([]);
  });

  it('that are refused are none', () => {
    expect(answered(OURS, sdp(SERVER, 0)).expected).toEqual([]);
  });

  it('of a fax: UDPTL by its port, TCP by a connection from any port', () => {
    const fax = ['t38'];
    const udptl = answered(sdp(CLIENT, 30_000, [], 'udptl t38'), sdp(SERVER, 20_000, [], 'udptl t38'));
    expect(udptl.expected).toEqual([MEDIA[0]]);
    const tcp = answered(sdp(CLIENT, 30_000, fax, 'TCP t38'), sdp(SERVER, 20_000, fax, 'TCP t38'));
    const [toServer, toClient] = [`tcp ${CLIENT}:0 ${SERVER}:20000`, `tcp ${CLIENT}:30000 ${SERVER}:0`];
    expect(tcp.expected).toEqual([toClient, toServer]);
    const active = answered(sdp(CLIENT, 9, fax, 'TCP t38'), sdp(SERVER, 20_000, fax, 'TCP t38'));
    expect(active.expected).toEqual([toServer]);
    const passive = answered(sdp(CLIENT, 30_000, fax, 'TCP t38'), sdp(SERVER, 9, fax, 'TCP t38'));
    expect(passive.expected).toEqual([toClient]);
  });
});

describe('a registration', () => {
  const contact = (more = ''): string => `Contact: <sip:alice@${CLIENT}:40000>${more}`;
  const registers = (fields: readonly string[], answer: readonly string[] | number): number[] => {
    const phone = sip();
    phone.says('client', asks({ method: 'REGISTER', fields }));
    const [status, told] = typeof answer === 'number' ? [answer, []] : [200, answer];
    phone.says('server', says(status, { method: 'REGISTER', fields: told }));
    expect(phone.count('sip')).toEqual([0, 0, 0]);
    return phone.kept;
  };

  it('keeps its client for as long as the registrar says, or else the client', () => {
    expect(registers([contact(), 'Expires: 600'], [contact(';expires=90')])).toEqual([90]);
    expect(registers([contact(';expires=600')], [contact(), 'Expires: 120'])).toEqual([120]);
    expect(registers([contact(';expires=600')], [])).toEqual([600]);
    expect(registers([contact()], [contact()])).toEqual([3600]);
    expect(registers([contact(';expires=999999999')], [])).toEqual([86_400]);
    const others = `${contact(';expires=90')}, <sip:alice@192.0.2.7>;expires=4000`;
    expect(registers([contact(';expires=600')], [others])).toEqual([90]);
  });

  it('is taken back', () => {
    expect(registers([contact(';expires=0')], [])).toEqual([0]);
    expect(registers(['Contact: *', 'Expires: 0'], [])).toEqual([0]);
  });

  it('is none when it is refused, asks only, or is another one’s', () => {
    expect(registers([contact()], 401)).toEqual([]);
    expect(registers([], [contact(';expires=90')])).toEqual([]);
    const phone = sip();
    phone.says('client', asks({ method: 'REGISTER', fields: [contact()] }));
    phone.says('server', says(200, { method: 'REGISTER', callId: 'other', fields: [contact()] }));
    phone.says('server', says(200, { method: 'REGISTER', cseq: 2, fields: [contact()] }));
    expect(phone.kept).toEqual([]);
  });
});

describe('what else passes', () => {
  it('keep-alives are signalling, other things are not for long', () => {
    const phone = sip();
    for (let i = 0; i < 20; i++) expect(phone.says('client', '\r\n\r\n')).toBe('read');
    const said = Array.from({ length: 8 }, () => phone.says('client', 'wireguard or so'));
    expect(said).toEqual([...Array(7).fill('read'), 'done']);
  });

  it('a connection that has begun with other words says nothing any more', () => {
    const speaks = (hasBegun: boolean): Listener => {
      const web = new Listener('sip', PROTOCOL.TCP, 5060);
      if (hasBegun) web.segment('client', new Uint8Array(0), 999, FLAG.SYN);
      web.says('client', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n');
      web.says('client', asks({ body: OURS }));
      web.says('server', says(200, { body: THEIRS }));
      return web;
    };
    expect(speaks(true).expected).toEqual([]);
    expect(speaks(true).count('sip')).toEqual([0, 0, 0]);
    // Met midway, as by a gateway that has been started again: a message may begin anywhere.
    expect(speaks(false).expected).toEqual(MEDIA);
  });

  it('over TCP it is the same', () => {
    const phone = new Listener('sip', PROTOCOL.TCP, 5060);
    const both = asks({ body: OURS }) + asks({ method: 'OPTIONS', callId: 'two' });
    phone.segment('client', new Uint8Array(0), 999, FLAG.SYN);
    phone.segment('server', new Uint8Array(0), 999, FLAG.SYN | FLAG.ACK);
    phone.says('client', both.slice(0, 50));
    phone.says('client', both.slice(50));
    phone.says('server', says(200, { body: THEIRS }));
    expect(phone.expected).toEqual(MEDIA);
    expect(phone.count('sip')).toEqual([1, 0, 1]);
  });
});

describe('tables', () => {
  it('are bounded: the call that was heard of longest ago is taken for over', () => {
    const phone = sip();
    for (let i = 0; i < 16_390; i++) phone.says('client', asks({ callId: `c${i}` }));
    expect(phone.count('sip')).toEqual([16_390, 6, 16_384]);
  });
});
