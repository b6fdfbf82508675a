/** An FTP server that opens data connections towards its clients (active mode, RFC 959), with one file for any name. */
import { connect, createServer, type Socket } from 'node:net';
import { serve } from '../rpc.js';

const FILE = 'what was asked for\r\n';
/** Where the client listens for data. */
type Place = { host: string; port: number };

async function listen({ port }: { port: number }): Promise<void> {
  const server = createServer(converse);
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen({ port, host: '::' }, resolve);
  });
}

function converse(socket: Socket): void {
  const say = (text: string): boolean => socket.write(`${text}\r\n`);
  let place: Place | undefined;
  let unread = '';
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    const lines = `${unread}${bytes}`.split('\r\n');
    unread = lines.pop() ?? '';
    for (const line of lines) {
      const [word = '', argument = ''] = line.split(' ', 2);
      place = placeOf(word, argument) ?? place;
      if (word === 'RETR' && place !== undefined) send(place, say);
      else say(ANSWERS[word] ?? '502 no');
    }
  });
  say('220 ready');
}

const ANSWERS: Readonly<Record<string, string>> = {
  USER: '331 password',
  PASS: '230 welcome',
  PWD: '257 "/"',
  CWD: '250 there',
  TYPE: '200 done',
  PORT: '200 done',
  RETR: '425 where to',
  QUIT: '221 bye',
};

function placeOf(word: string, argument: string): Place | undefined {
  if (word !== 'PORT') return undefined;
  const [a, b, c, d, high, low] = argument.split(',').map(Number);
  return { host: [a, b, c, d].join('.'), port: high! * 256 + low! };
}

function send({ host, port }: Place, say: (text: string) => void): void {
  const data = connect({ host, port });
  data.on('connect', () => {
    say('150 here it is');
    data.end(FILE);
  });
  data.on('error', () => say('425 not reached'));
  data.on('close', (failed) => {
    if (!failed) say('226 complete');
  });
}

serve({ listen });
