/**
 * Decoders of what starts connections and answers them, each with payloads to begin with: `--protocols N` gives each N payloads with
 * something done to them. A new decoder is a line of PROTOCOLS.
 */
import { createDnsMessage, decodeDnsMessage, dnsAnswerKind, dnsQueryKind } from '../src/wire/dns-message.js';
import { createNtpPacket, decodeNtp, ntpAnswerKind, ntpRequestKind } from '../src/wire/ntp.js';
import { createQuicDatagram, decodeQuic, quicAnswer, quicStart } from '../src/wire/quic.js';
import {
  createStunMessage,
  decodeStun,
  isChannelData,
  stunAnswerKind,
  stunRequestKind,
} from '../src/wire/stun.js';
import { DNS_CORPUS, NTP_CORPUS, QUIC_CORPUS, STUN_CORPUS } from './fuzz-corpus.js';
import { fingerprintOf } from './fuzz-datagrams.js';
import { get16, put16 } from './fuzz-packets.js';
import {
  digestOf,
  type FuzzedProtocol,
  fuzzPayloads,
  type ProtocolReport,
  REFUSED,
} from './fuzz-payloads.js';

export const PROTOCOLS: readonly FuzzedProtocol[] = [
  { name: 'quic', corpus: QUIC_CORPUS, run: quic() },
  { name: 'dns', corpus: DNS_CORPUS, run: dns() },
  { name: 'stun', corpus: STUN_CORPUS, run: stun(), mend: mendStun },
  { name: 'ntp', corpus: NTP_CORPUS, run: ntp() },
];

/** `count` payloads for each of them. */
export function fuzzProtocols(
  count: number,
  seed: number,
  onProgress: (line: string) => void = () => {},
): ProtocolReport[] {
  return PROTOCOLS.map((protocol, index) => {
    const report = fuzzPayloads(protocol, count, seed + index);
    onProgress(`${protocol.name}: ${report.payloads} of ${count} payloads`);
    return report;
  });
}

function check(condition: boolean, why: string): void {
  if (!condition) throw new RangeError(why);
}

function quic(): FuzzedProtocol['run'] {
  const out = createQuicDatagram();
  return (space, start, end) => {
    if (!decodeQuic(out, space, start, end)) return REFUSED;
    const { destinationAt, destinationLength, sourceAt, sourceLength, tokenLength } = out;
    check(destinationAt >= start && destinationAt + destinationLength <= end, 'destination id outside');
    check(sourceAt >= start && sourceAt + sourceLength <= end, 'source id outside');
    check(tokenLength >= 0 && tokenLength < end - start, 'a token longer than the datagram');
    check(tokenLength === 0 || (out.hasToken && out.hasInitial), 'a token of no Initial');
    check(out.isPadded === end - start >= 1200, 'padded or not');
    const kind = quicStart(out);
    check(
      kind !== 0 || (!out.hasToken && !out.hasZeroRtt && out.isWhole),
      'copied with a token or early data',
    );
    const { destinationHash, sourceHash } = out;
    const answer = quicAnswer(out, sourceHash, sourceLength, destinationHash, destinationLength);
    return digestOf(out, start, kind, answer);
  };
}

function dns(): FuzzedProtocol['run'] {
  const out = createDnsMessage();
  return (space, start, end) => {
    if (!decodeDnsMessage(out, space, start, end)) return REFUSED;
    const kind = dnsQueryKind(out);
    check(kind !== 0 || (out.isSound && !out.isResponse && out.questions === 1), 'copied, and no question');
    check(out.nameHash >= 0 && out.payloadSize >= 512 && out.rcode < 4096, 'a field out of range');
    return digestOf(out, start, kind, dnsAnswerKind(out, out.id, out.exactHash));
  };
}

function stun(): FuzzedProtocol['run'] {
  const out = createStunMessage();
  return (space, start, end) => {
    const channel = isChannelData(space, start, end) ? 1 : 0;
    if (!decodeStun(out, space, start, end)) return channel === 0 ? REFUSED : 1;
    check(channel === 0, 'a message and data of a channel');
    const kind = stunRequestKind(out);
    check(kind !== 0 || (!out.hasCredentials && out.method === 1), 'copied, and no plain question');
    check(out.class <= 3 && out.method <= 0xfff && out.errorCode < 1000, 'a field out of range');
    return digestOf(out, start, kind, stunAnswerKind(out, out.transactionHash));
  };
}

/** The length, and the fingerprint where the message ends with one. */
function mendStun(bytes: Uint8Array, at: number, length: number): void {
  if (length < 20) return;
  put16(bytes, at + 2, length - 20);
  const last = at + length - 8;
  if (length < 28 || get16(bytes, last) !== 0x8028) return;
  bytes.set(fingerprintOf(bytes.subarray(at, last)), last);
}

function ntp(): FuzzedProtocol['run'] {
  const out = createNtpPacket();
  return (space, start, end) => {
    if (!decodeNtp(out, space, start, end)) return REFUSED;
    const kind = ntpRequestKind(out);
    check(kind !== 0 || !out.hasNts, 'copied with a cookie');
    check(out.mode >= 1 && out.mode <= 5 && out.version <= 7, 'a field out of range');
    return digestOf(out, start, kind, ntpAnswerKind(out, out.originHigh, out.originLow));
  };
}
