/** Messages of RTSP to test and fuzz with. */
import { bytesOf, lines, OFFER } from './sip.js';

export const SETUP = lines(
  'SETUP rtsp://example.com/foo/bar/baz.rm RTSP/1.0',
  'CSeq: 302',
  'Transport: RTP/AVP;unicast;client_port=4588-4589,',
  ' RTP/AVP/TCP;unicast;interleaved=0-1,RTP/AVP;multicast;ttl=127;mode="PLAY"',
  '',
);

export const SETUP_ANSWER = lines(
  'RTSP/1.0 200 OK',
  'CSeq: 302',
  'Date: 23 Jan 1997 15:35:06 GMT',
  'Session: 47112344;timeout=90',
  'Transport: RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257;source=192.0.2.9;ssrc=2A3F93ED',
  '',
);

/** RFC 7826 section 18.54. */
export const SETUP_2 = lines(
  'SETUP rtsp://example.com/foo RTSP/2.0',
  'CSeq: 3',
  'Transport: RTP/AVP/UDP;unicast;dest_addr=":3456"/":3457";mode="PLAY", RTP/AVP;unicast;dest_addr="192.0.2.5:5000";RTCP-mux,',
  '  RTP/SAVP/TCP;unicast;interleaved=0;src_addr="[2001:db8::9]:9000"/"[2001:db8::9]:9001"',
  '',
);

export const DESCRIBED = lines(
  'RTSP/1.0 200 OK',
  'CSeq: 2',
  'Content-Type: application/sdp; charset=utf-8',
  `Content-Length: ${OFFER.length}`,
  '',
).concat(OFFER);

export const TEARDOWN = lines('TEARDOWN rtsp://example.com/foo RTSP/1.0', 'CSeq: 9', 'Session: 47112344', '');

export const RTSP: readonly Uint8Array[] = [
  SETUP,
  SETUP_ANSWER,
  SETUP_2,
  DESCRIBED,
  TEARDOWN,
  `$\x00\x00\x04abcd${TEARDOWN}`,
  `\r\n${SETUP}$\x01\x00\x08abcd`,
  'RTSP/1.0 459 Aggregate Operation Not Allowed\r\n\r\n',
].map(bytesOf);
