/** Questions over TCP: whether a connection comes about, and what a web server says on it. */
import { type IncomingMessage, request } from 'node:http';
import { Socket } from 'node:net';
import { type AddressWords, formatAddress } from '../../model/address.js';
import type { ExpectedPage } from '../../model/config.js';
import { type Cancel, failed, type Outcome } from './datagram.js';
import { type CheckedRoute, openRouteSocket, SOCK } from './route-socket.js';

const SERVER_ERROR = 500;

/** Connects, and hangs up. */
export function askTcp(route: CheckedRoute, target: AddressWords, port: number, done: Outcome): Cancel {
  return connect(route, target, port, done, (socket, end) => {
    end(true);
    socket.destroy();
  });
}

/** What is asked of a web server. */
export interface Page {
  readonly port: number;
  /** As the request names it. */
  readonly host: string;
  readonly path: string;
  readonly expect?: ExpectedPage;
}

/** As much of a page is read at most. */
const MOST_BYTES = 65_536;

/** Gets a page; any status below 500 is an answer, unless another one, or a text in the page, is expected. */
export function askHttp(
  route: CheckedRoute,
  target: AddressWords,
  { port, host, path, expect }: Page,
  done: Outcome,
): Cancel {
  return connect(route, target, port, done, (socket, end) => {
    try {
      // No `agent`: even with `false` Node makes one, which connects by itself.
      const headers = { host, connection: 'close', accept: '*/*', 'user-agent': 'pathrace' };
      request({ method: 'GET', path, headers, setHost: false, createConnection: () => socket })
        .on('response', (response) => {
          const { statusCode = SERVER_ERROR } = response;
          const isGood = expect === undefined ? statusCode < SERVER_ERROR : statusCode === expect.status;
          if (isGood && expect?.text != null)
            return lookFor(response, expect.text, (isThere) => {
              end(isThere, !isThere);
              socket.destroy();
            });
          end(isGood, !isGood && expect !== undefined);
          socket.destroy();
        })
        .on('error', () => {
          end(false);
          socket.destroy();
        })
        .end();
    } catch {
      // A path or host that no request can have.
      end(false);
      socket.destroy();
    }
  });
}

/** Reads until the text has been seen, or there is no more; multi-byte characters may be cut. */
function lookFor(page: IncomingMessage, text: string, done: Outcome): void {
  let read = '';
  page
    .setEncoding('utf8')
    .on('data', (part: string) => {
      read += part;
      if (read.includes(text)) done(true);
      else if (read.length > MOST_BYTES) done(false);
    })
    .on('end', () => done(false));
}

function connect(
  route: CheckedRoute,
  target: AddressWords,
  port: number,
  done: Outcome,
  onConnect: (socket: Socket, end: Outcome) => void,
): Cancel {
  const fd = openRouteSocket(route, target, SOCK.STREAM, 0);
  if (fd < 0) return failed(done);
  let over = false;
  const end = (answered: boolean, otherwise = false): void => {
    if (over) return;
    over = true;
    done(answered, otherwise);
  };
  // Node closes the descriptor from here on. It must be connecting before the event loop goes on, or reading it fails.
  const socket = new Socket({ fd });
  socket
    .on('error', () => {})
    .on('close', () => end(false))
    .on('connect', () => {
      if (!over) onConnect(socket, end);
    })
    .connect({ host: formatAddress(target), port });
  return () => {
    over = true;
    socket.destroy();
  };
}
