/** Messages of SIP with session descriptions to test and fuzz with. What RFC 4475 is about is written after its facts. */
import { ascii } from './hello.js';

/** Lines become a message: CRLF behind each. */
export const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join('');
export const bytesOf = (text: string): Uint8Array => Uint8Array.from(ascii(text));

export const OFFER = lines(
  'v=0',
  'o=alice 2890844526 2890844526 IN IP4 192.168.1.10',
  's=-',
  'c=IN IP4 192.168.1.10',
  't=0 0',
  'm=audio 49170 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=sendrecv',
  'm=video 51372 RTP/AVP 31',
  'a=rtcp:53020 IN IP4 192.168.1.11',
  'm=application 0 RTP/AVP 98',
);

export const ANSWER_6 = lines(
  'v=0',
  'o=- 1 1 IN IP6 2001:db8::1',
  's= ',
  'c=IN IP6 2001:db8::1',
  't=0 0',
  'm=audio 30000 RTP/SAVPF 96',
  'a=rtcp-mux',
  'm=image 30010 udptl t38',
  'c=IN IP6 2001:db8::2',
  'a=T38FaxVersion:0',
);

export const INVITE = lines(
  'INVITE sip:bob@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 192.168.1.10:5062;branch=z9hG4bK74bf9;rport',
  'Max-Forwards: 70',
  'From: "Alice, A." <sip:alice@example.com;user=phone>;tag=9fxced76sl',
  'To: Bob <sip:bob@example.com>',
  'Call-ID: 3848276298220188511@example.com',
  'CSeq: 1 INVITE',
  'Contact: <sip:alice@192.168.1.10:5062;transport=udp>',
  'Content-Type: application/sdp',
  `Content-Length: ${OFFER.length}`,
  '',
).concat(OFFER);

export const OK = lines(
  'SIP/2.0 200 OK',
  'Via: SIP/2.0/UDP 192.168.1.10:5062;branch=z9hG4bK74bf9;received=203.0.113.7;rport=40000',
  'Via: SIP/2.0/TCP other.example.com;branch=z9hG4bKother',
  'f: <sip:alice@example.com>;tag=9fxced76sl',
  't: <sip:bob@example.com>;tag=314159',
  'i: 3848276298220188511@example.com',
  'CSeq: 1 INVITE',
  'm: <sip:bob@[2001:db8::1]:5080>',
  'c: application/sdp',
  `l: ${ANSWER_6.length}`,
  '',
).concat(ANSWER_6);

export const REGISTER = lines(
  'REGISTER sip:registrar.example.com SIP/2.0',
  'Via: SIP/2.0/TCP client.example.com;branch=z9hG4bKnashds7;keep',
  'From: Bob <sip:bob@example.com>;tag=a73kszlfl',
  'To: Bob <sip:bob@example.com>',
  'Call-ID: 1j9FpLxk3uxtm8tn@example.com',
  'CSeq: 2 REGISTER',
  'Contact: <sip:bob@192.168.1.20:49152;transport=tcp>;expires=600;+sip.instance="<urn:uuid:1>"',
  'Contact: sip:bob@[2001:db8::5];expires=3600, "x" <sip:bob@host>',
  'Expires: 7200',
  'Content-Length: 0',
  '',
);

/** RFC 4475 section 3.1.1.1: folded, blanks everywhere, compact names, escapes, unknown fields. */
export const TORTUOUS = lines(
  'INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0',
  'TO :',
  ' sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n',
  'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>',
  '  ;',
  '  tag = 98asjd8',
  'MaX-fOrWaRdS: 0068',
  'Call-ID: wsinv.ndaksdj@192.0.2.1',
  'Content-Length   : 2',
  'cseq: 0009',
  '  INVITE',
  'Via  : SIP  /   2.0',
  ' /UDP',
  '    192.0.2.2;branch=390skdjuw',
  's :',
  'NewFangledHeader:   newfangled value',
  ' continued newfangled value',
  'UnknownHeaderWithUnusualValue: ;;,,;;,;',
  'Content-Type: application/sdp',
  'Route:',
  ' <sip:services.example.com;lr;unknownwith=value;unknown-no-value>',
  'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
  '  branch  =   z9hG4bK9ikj8  ,',
  ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
  ' z9hG4bK30239',
  'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =',
  '      newvalue ;',
  '  secondparam ; q = 0.33',
  '',
  'v',
);

/** Several parts, one of which describes the session (RFC 4475 section 3.1.1.11 has such a body). */
export const PARTS = lines(
  '--boundary42',
  'Content-Type: message/sip',
  '',
  'v=0 is no description here',
  '--boundary42',
  'content-type : APPLICATION/sdp;charset=utf-8',
  'Content-Disposition: session',
  '',
)
  .concat(OFFER)
  .concat(lines('--boundary42--'));

const CANCEL = INVITE.slice(0, INVITE.indexOf('Content-Type'))
  .replaceAll('INVITE', 'CANCEL')
  .concat(lines('Content-Length: 0', ''));

export const SIP: readonly Uint8Array[] = [
  INVITE,
  OK,
  REGISTER,
  TORTUOUS,
  CANCEL,
  `\r\n\r\n${CANCEL}${REGISTER}`,
  '\r\n\r\n',
  INVITE.replaceAll('\r\n', '\n'),
  INVITE.replace('application/sdp', 'multipart/mixed;boundary="boundary42"').replace(OFFER, PARTS),
].map(bytesOf);

export const SDP: readonly Uint8Array[] = [
  OFFER,
  ANSWER_6,
  PARTS,
  OFFER.replaceAll('\r\n', '\n'),
  lines('v=0', 'c=IN IP4 224.2.1.1/127/3', 'a=inactive', 'm=audio 49170/2 RTP/AVP 0', 'a=rtcp-mux-only'),
  lines('v=0', ...new Array<string>(20).fill('m=audio 9 TCP/RTP/AVP 0')),
].map(bytesOf);
