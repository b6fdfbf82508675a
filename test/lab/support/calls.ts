/** Programs that speak and stream, for the tests of calls: GStreamer's RTSP server and client, SIPp. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, Lab, ServerHost, Task } from '../../../lab/index.js';

export const RTSP_PORT = 8554;
/** Debian's own, which has the bindings of GStreamer. */
const PYTHON = '/usr/bin/python3';

const RTSP_SERVER = `
import sys, gi
gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address(sys.argv[1])
server.set_service(sys.argv[2])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch('( audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay0 pt=0 max-ptime=20000000 )')
server.get_mount_points().add_factory('/tone', factory)
server.attach(None)
print('ready', flush=True)
GLib.MainLoop().run()
`;

/** A stream of 8000 samples a second, at /tone. */
export async function rtspServer(lab: Lab, host: ServerHost, address: string): Promise<Task> {
  const script = join(lab.directory, 'rtsp-server.py');
  writeFileSync(script, RTSP_SERVER);
  const task = host.spawn(['env', ...registry(lab), PYTHON, script, address, String(RTSP_PORT)]);
  await task.waitForLine(/^ready/, 20_000);
  return task;
}

export interface Streamed {
  /** Bytes of RTP that the client has got. */
  readonly bytes: number;
  readonly output: string;
}

/** Plays it for some seconds. `speaks`: the client sends something by its ports first, as a client behind NAT may; else it only listens. */
export async function play(
  lab: Lab,
  address: string,
  { over, seconds, speaks = false }: { over: 'udp' | 'tcp'; seconds: number; speaks?: boolean },
): Promise<Streamed> {
  const host = address.includes(':') ? `[${address}]` : address;
  const file = join(lab.directory, `played-${performance.now()}`);
  const quiet = speaks ? [] : ['nat-method=none', 'do-rtcp=false'];
  const source = [
    'rtspsrc',
    `location=rtsp://${host}:${RTSP_PORT}/tone`,
    `protocols=${over}`,
    'latency=0',
    ...quiet,
  ];
  const { stdout, stderr } = await lab
    .client()
    .run([
      ...['env', ...registry(lab), 'timeout', '-s', 'INT', String(seconds)],
      ...['gst-launch-1.0', '-q', ...source, '!', 'filesink', `location=${file}`, 'buffer-mode=unbuffered'],
    ]);
  return { bytes: existsSync(file) ? statSync(file).size : 0, output: stdout + stderr };
}

/** Of the lab: nothing is left in anybody's home. */
function registry(lab: Lab): string[] {
  return [`GST_REGISTRY=${join(lab.directory, 'gstreamer.bin')}`, 'GST_REGISTRY_FORK=no'];
}

/** Packets that the calls' queue has been given since it is there. */
export function queued(host: Host, queue: number): Promise<number> {
  return host.must(['cat', '/proc/net/netfilter/nfnetlink_queue']).then((text) => {
    const line = text.split('\n').find((one) => Number(one.trim().split(/\s+/)[0]) === queue);
    return line === undefined ? Number.NaN : Number(line.trim().split(/\s+/)[7]);
  });
}

/** The text of a file that a program has written; '' when there is none. */
export function written(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

export const SIP_PORT = 5060;
/** Where the client of a call waits for media, and where SIPp's server sends them from. */
export const MEDIA_PORT = 30_000;
export const SERVER_MEDIA_PORT = 20_000;
const VOICE = '/usr/share/sip-tester/g711a.pcap';

function scenario(name: string, steps: readonly string[]): string {
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="${name}">\n${steps.join('\n')}\n</scenario>\n`;
}

const send = (lines: readonly string[], options = ''): string =>
  `<send ${options}><![CDATA[\n\n${lines.join('\n')}\n\n]]></send>`;
const sdp = (host: string, port: string | number): string[] => [
  'Content-Type: application/sdp',
  'Content-Length: [len]',
  '',
  'v=0',
  `o=- 1 1 IN IP4 ${host}`,
  's=-',
  `c=IN IP4 ${host}`,
  't=0 0',
  `m=audio ${port} RTP/AVP 8`,
  'a=rtpmap:8 PCMA/8000',
];
const answer = (status: string, more: readonly string[], options = ''): string =>
  send(
    [
      `SIP/2.0 ${status}`,
      ...['[last_Via:]', '[last_From:]', '[last_To:];tag=[call_number]', '[last_Call-ID:]', '[last_CSeq:]'],
      'Contact: <sip:[local_ip]:[local_port];transport=[transport]>',
      ...more,
    ],
    options,
  );

/** Answers calls; as soon as one is answered it sends its voice, whoever has said something before. */
export function sippServer(
  lab: Lab,
  host: ServerHost,
  address: string,
  { transport, port = SIP_PORT }: { transport: 'u1' | 't1'; port?: number },
): Task {
  const file = join(lab.directory, `uas-${transport}.xml`);
  const steps = [
    '<recv request="INVITE" crlf="true"></recv>',
    answer('180 Ringing', ['Content-Length: 0']),
    // It rings: SIPp knows a repeat of what it has answered last, and of nothing before.
    '<pause milliseconds="200"/>',
    answer('200 OK', sdp('[media_ip]', '[media_port]'), 'retrans="500"'),
    '<recv request="ACK" crlf="true"></recv>',
    `<nop><action><exec play_pcap_audio="${VOICE}"/></action></nop>`,
    '<recv request="BYE"></recv>',
    answer('200 OK', ['Content-Length: 0']),
  ];
  writeFileSync(file, scenario('server', steps));
  const ends = ['-i', address, '-p', String(port), '-mi', address, '-mp', String(SERVER_MEDIA_PORT)];
  return host.spawn(['sipp', '-sf', file, ...ends, '-t', transport, '-nostdin']);
}

/** One call of some seconds: what SIPp says at its end. The description names `media`. */
export async function sippCall(
  lab: Lab,
  server: string,
  {
    transport,
    seconds,
    media,
    port = SIP_PORT,
  }: { transport: 'u1' | 't1'; seconds: number; media: string; port?: number },
): Promise<{ code: number | null; output: string }> {
  const client = lab.client();
  const own = '10.0.0.2';
  const file = join(lab.directory, `uac-${performance.now()}.xml`);
  const request = (method: string, cseq: number, more: readonly string[], to = ''): string[] => [
    `${method} sip:bob@[remote_ip]:[remote_port] SIP/2.0`,
    'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport',
    'From: <sip:alice@example.test>;tag=[call_number]',
    `To: <sip:bob@example.test>${to}`,
    'Call-ID: [call_id]',
    `CSeq: ${cseq} ${method}`,
    'Contact: <sip:alice@[local_ip]:[local_port];transport=[transport]>',
    'Max-Forwards: 70',
    ...more,
  ];
  const none = ['Content-Length: 0'];
  const steps = [
    send(request('INVITE', 1, sdp(media, MEDIA_PORT)), 'retrans="500"'),
    '<recv response="100" optional="true"></recv>',
    '<recv response="180" optional="true"></recv>',
    '<recv response="200"></recv>',
    send(request('ACK', 1, none, '[peer_tag_param]')),
    `<pause milliseconds="${seconds * 1000}"/>`,
    send(request('BYE', 2, none, '[peer_tag_param]'), 'retrans="500"'),
    '<recv response="200"></recv>',
  ];
  writeFileSync(file, scenario('client', steps));
  const ends = [`${server}:${port}`, '-i', own, '-p', String(SIP_PORT), '-t', transport];
  const { code, stdout, stderr } = await client.run(
    ['sipp', ...ends, '-sf', file, '-m', '1', '-nostdin', '-timeout', '15', '-timeout_error'],
    { timeoutMs: 25_000 },
  );
  return { code, output: stdout + stderr };
}
