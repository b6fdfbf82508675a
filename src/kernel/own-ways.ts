/**
 * Whether a connection of the gateway's own may go by another provider than by that which it leaves by. Not where its socket is bound to
 * that one's interface, since it would hear of no answer that comes in by another; nor where the main table knows more of its destination
 * than by a default route. The rules cannot ask for either in the hooks that it passes. Two requests for each one that is asked about.
 */
import type { Input } from '../core/contract.js';
import type { EngineRoute } from '../core/engine-types.js';
import { HOOK } from '../wire/netlink/nfqueue.js';
import { boundInterface, encodeSocketGet, encodeWayGet, isWay } from '../wire/netlink/own-way.js';
import { type Packet, PROTOCOL } from '../wire/packet.js';
import type { Marks } from './marks.js';
import type { EachMessage } from './netlink-socket.js';
import { NETLINK_ROUTE, NETLINK_SOCK_DIAG, NetlinkSocket } from './netlink-socket.js';

type Setup = Input & { kind: 'setup' };

const SIZES = { sendBytes: 4096, receiveBytes: 8192 } as const;

export class OwnWays {
  /** null: nothing has been asked yet, and most gateways never do. */
  private sockets: NetlinkSocket | null = null;
  private ways: NetlinkSocket | null = null;
  private isFound = false;

  /** Says of a set-up whether the gateway itself has opened it, and whether it has one way alone. `hook`: where it was queued. */
  tell(setup: Setup, hook: number, routes: readonly EngineRoute[], marks: Pick<Marks, 'noDefault'>): void {
    const { packet, routed = 0, mayCopy } = setup;
    setup.isLocal = hook === HOOK.LOCAL_OUT || hook === HOOK.POST_ROUTING;
    const { protocol } = packet;
    const isAsked =
      setup.isLocal && mayCopy === true && (protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP);
    setup.hasWay = isAsked && this.isGiven(packet, routes[routed - 1]?.interfaceIndex ?? 0, marks.noDefault);
  }

  close(): void {
    this.sockets?.close();
    this.ways?.close();
  }

  /** `noDefault`: the mark of who asks for all ways but default routes. */
  private isGiven(packet: Packet, interfaceIndex: number, noDefault: number): boolean {
    this.sockets ??= new NetlinkSocket(NETLINK_SOCK_DIAG, SIZES);
    this.ways ??= new NetlinkSocket(NETLINK_ROUTE, SIZES);
    this.isFound = false;
    encodeSocketGet(this.sockets.writer, packet, interfaceIndex, this.sockets.nextSequence());
    // A kernel that cannot tell, or a raw socket: as one that is bound to nothing.
    this.sockets.request(this.onSocket);
    if (this.isFound) return true;
    encodeWayGet(this.ways.writer, packet, noDefault, this.ways.nextSequence());
    this.ways.request(this.onWay);
    return this.isFound;
  }

  private readonly onSocket: EachMessage = (message, view) => {
    if (boundInterface(view, message) !== 0) this.isFound = true;
  };

  private readonly onWay: EachMessage = (message, view) => {
    if (isWay(view, message)) this.isFound = true;
  };
}
