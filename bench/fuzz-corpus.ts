/** Payloads that the fuzzer of the protocols begins with: right ones, of every kind that a decoder tells apart. */
import {
  type DnsRecord,
  dnsMessage,
  dnsName,
  edns,
  fromHex,
  ntpPacket,
  padded,
  quicLong,
  quicVersions,
  stunMessage,
  V2,
  zeros,
} from './fuzz-datagrams.js';

const bytes = (payloads: readonly (readonly number[])[]): Uint8Array[] =>
  payloads.map((payload) => Uint8Array.from(payload));

const ID = fromHex('8394c8f03e515708');
const OWN = fromHex('c0ffee01');

export const QUIC_CORPUS = bytes(
  [1, V2, 0xff00001d].flatMap((version) => {
    const ends = { version, destination: ID, source: OWN };
    const initial = quicLong({ ...ends, type: 'initial' });
    return [
      quicLong({ ...ends, type: 'initial', body: zeros(1180) }),
      padded([...initial, ...quicLong({ ...ends, type: 'handshake' })]),
      [...initial, ...quicLong({ ...ends, type: 'zero-rtt' })],
      quicLong({ ...ends, type: 'initial', token: zeros(30), size: 8 }),
      quicLong({ ...ends, type: 'zero-rtt', body: zeros(60) }),
      quicLong({ ...ends, type: 'handshake', size: 4 }),
      quicLong({ ...ends, type: 'retry', token: OWN }),
      quicLong({ ...ends, type: 'initial', version: 0x1a2a3a4a }),
      quicVersions(OWN, ID, [1, version]),
      [0x41, ...ID, ...zeros(24)],
    ];
  }),
);

const QUESTION = { name: dnsName('www.example.com') };
const A: DnsRecord = { name: [0xc0, 12], type: 1, data: [192, 0, 2, 1] };
const NS: DnsRecord = { name: [0xc0, 16], type: 2, data: [2, 110, 115, 0xc0, 16] };
const SOA: DnsRecord = { name: [0xc0, 16], type: 6, data: [0, 0, ...zeros(20)] };
const TSIG: DnsRecord = { name: dnsName('key'), type: 250, class: 255, ttl: 0, data: zeros(30) };
const SIG0: DnsRecord = { name: [0], type: 24, class: 255, ttl: 0, data: zeros(30) };

export const DNS_CORPUS = bytes([
  dnsMessage({ questions: [QUESTION] }),
  dnsMessage({ questions: [QUESTION], additional: [edns([[10, zeros(8)]])] }),
  dnsMessage({
    questions: [QUESTION],
    additional: [
      edns([
        [10, zeros(24)],
        [12, zeros(20)],
      ]),
      TSIG,
    ],
  }),
  dnsMessage({ questions: [QUESTION], additional: [SIG0] }),
  dnsMessage({ questions: [{ ...QUESTION, type: 252 }] }),
  dnsMessage({ questions: [QUESTION, QUESTION] }),
  dnsMessage({ flags: 0x2800, questions: [QUESTION], authority: [A] }),
  dnsMessage({ flags: 0x2400, questions: [QUESTION], answers: [SOA] }),
  dnsMessage({ flags: 0x8180, questions: [QUESTION], answers: [A, A], additional: [edns()] }),
  dnsMessage({ flags: 0x8183, questions: [QUESTION], authority: [SOA] }),
  dnsMessage({ flags: 0x8000, questions: [QUESTION], authority: [NS, NS], additional: [A] }),
  dnsMessage({ flags: 0x8181 }),
]);

const ADDRESS = [0, 1, 0xa1, 0x47, 1, 2, 3, 4];

export const STUN_CORPUS = bytes([
  stunMessage(),
  stunMessage({ attributes: [[0x8022, [97, 98, 99]]], fingerprint: true }),
  stunMessage({ attributes: [[3, [0, 0, 0, 6]]], cookie: 1 }),
  stunMessage({
    attributes: [
      [6, [97]],
      [0x24, zeros(4)],
      [0x8029, zeros(8)],
      [8, zeros(20)],
    ],
    fingerprint: true,
  }),
  stunMessage({ method: 3, attributes: [[0x19, [17, 0, 0, 0]]] }),
  stunMessage({
    class: 2,
    attributes: [
      [0x20, ADDRESS],
      [1, ADDRESS],
      [0x8022, [97]],
    ],
    fingerprint: true,
  }),
  stunMessage({ class: 2, attributes: [[0x20, [0, 2, ...zeros(18)]]] }),
  stunMessage({ class: 3, attributes: [[9, [0, 0, 4, 1, 97]]] }),
  [0x40, 0, 0, 3, 1, 2, 3, 0],
]);

const TIME = fromHex('e5f3a1b2c3d4e5f6');

export const NTP_CORPUS = bytes([
  ntpPacket({ transmit: TIME }),
  ntpPacket({ transmit: TIME, version: 3, mac: zeros(20) }),
  ntpPacket({ transmit: TIME, mac: zeros(24) }),
  ntpPacket({
    transmit: TIME,
    fields: [
      [0x0104, zeros(32)],
      [0x0204, zeros(100)],
      [0x0404, zeros(36)],
    ],
  }),
  ntpPacket({ transmit: TIME, fields: [[0x2005, zeros(24)]], mac: zeros(20) }),
  ntpPacket({ mode: 4, stratum: 2, origin: TIME, transmit: TIME }),
  ntpPacket({ mode: 4, stratum: 0, reference: 'RATE', origin: TIME, transmit: TIME, leap: 3 }),
  ntpPacket({ mode: 1, stratum: 3, transmit: TIME }),
]);
