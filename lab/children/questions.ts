/** Many short exchanges, one after the other, each from a port of its own: how long each takes until its first answer. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { serve } from '../rpc.js';

export type QuestionKind = 'dns' | 'quic' | 'page';

interface Place {
  readonly kind: QuestionKind;
  readonly address: string;
  readonly port: number;
}

/** A name server that has one address for every name; a server whose first answer to a QUIC Initial has the client's id. */
async function listen({ kind, address, port }: Place): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (question, from) => {
    socket.send(kind === 'dns' ? nameAnswer(question) : handshakeAnswer(question), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
}

/** Microseconds of each exchange; -1: no answer came within a second. */
async function series({ count, ...place }: Place & { readonly count: number }): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++)
    times.push(await (place.kind === 'page' ? page(place) : datagram(place, i)));
  return times;
}

/** From the connect to the first byte of the answer. */
function page({ address, port }: Place): Promise<number> {
  return new Promise((resolve) => {
    const begin = process.hrtime.bigint();
    const socket = connect({ host: address, port, noDelay: true });
    const end = (micros: number): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(micros);
    };
    const timer = setTimeout(() => end(-1), 1000);
    socket.on('connect', () => socket.write(`GET / HTTP/1.1\r\nHost: ${address}\r\n\r\n`));
    socket.once('data', () => end(Number(process.hrtime.bigint() - begin) / 1000));
    socket.on('error', () => end(-1));
  });
}

function datagram({ kind, address, port }: Place, number: number): Promise<number> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const question = kind === 'dns' ? nameQuestion(number) : handshake(number);
    const end = (micros: number): void => {
      clearTimeout(timer);
      socket.close();
      resolve(micros);
    };
    const timer = setTimeout(() => end(-1), 1000);
    socket.bind(0, () => {
      const begin = process.hrtime.bigint();
      socket.once('message', () => end(Number(process.hrtime.bigint() - begin) / 1000));
      socket.send(question, port, address);
    });
  });
}

/** RFC 1035 section 4: one question for the A record of `a.example`. */
function nameQuestion(id: number): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(id & 0xffff, 0);
  head.writeUInt16BE(0x0100, 2);
  head.writeUInt16BE(1, 4);
  return Buffer.concat([head, Buffer.from('\x01a\x07example\x00\x00\x01\x00\x01', 'latin1')]);
}

function nameAnswer(question: Buffer): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 6);
  return Buffer.concat([
    head,
    Buffer.from('\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01', 'latin1'),
  ]);
}

/** RFC 9000 section 17.2.2: an Initial of 1200 bytes, ids of eight bytes. */
function initial(destination: Buffer, source: Buffer): Buffer {
  const packet = Buffer.alloc(1200, 1);
  packet.writeUInt8(0xc0, 0);
  packet.writeUInt32BE(1, 1);
  packet.writeUInt8(8, 5);
  destination.copy(packet, 6);
  packet.writeUInt8(8, 14);
  source.copy(packet, 15);
  packet.writeUInt8(0, 23);
  packet.writeUInt16BE(0x4000 | (1200 - 26), 24);
  return packet;
}

function handshake(number: number): Buffer {
  const id = Buffer.alloc(8);
  id.writeUInt32BE(number, 0);
  return initial(Buffer.alloc(8, 7), id);
}

function handshakeAnswer(question: Buffer): Buffer {
  return initial(question.subarray(15, 23), Buffer.alloc(8, 9));
}

serve({ listen, series });
