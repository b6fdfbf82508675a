/** Questions over TCP: whether a connection comes about, and what a web server says on it. */
import { request } from 'node:http';
import { Socket } from 'node:net';
import { type AddressWords, formatAddress } from '../../model/address.js';
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
}

/** Gets a page; any status below 500 is an answer, and nothing but the status is read. */
export function askHttp(
  route: CheckedRoute,
  target: AddressWords,
  { port, host, path }: Page,
  done: Outcome,
): Cancel {
  return connect(route, target, port, done, (socket, end) => {
    try {
      // No `agent`: even with `false` Node makes one, which connects by itself.
      const headers = { host, connection: 'close', accept: '*/*', 'user-agent': 'pathrace' };
      request({ method: 'GET', path, headers, setHost: false, createConnection: () => socket })
        .on('response', ({ statusCode }) => {
          end((statusCode ?? SERVER_ERROR) < SERVER_ERROR);
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
  const end = (answered: boolean): void => {
    if (over) return;
    over = true;
    done(answered);
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
