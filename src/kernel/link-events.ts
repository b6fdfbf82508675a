/**
 * Which announcements of links, addresses, routes and rules concern the gateway. Others come by the thousand, from a routing daemon or
 * from containers, and must cost next to nothing. One value per watch, since it remembers the interfaces' indexes.
 */
import { eachAttribute } from '../wire/netlink/message.js';
import { RT_PROTOCOL } from './constants.js';
import { sys } from './ffi.js';

/** What of the machine the configuration is about. */
export interface LinkInterest {
  /** Interfaces, the LAN's and the providers'. */
  readonly interfaces: readonly string[];
  /** Those of the LAN whose IPv6 prefixes in the main table matter. */
  readonly prefixesOf: readonly string[];
  /** Routing tables of ours, from the first to the last. */
  readonly tables: { readonly from: number; readonly to: number };
}

/** `changed`: links have to be read again. `taken`: a rule or route of ours was removed. `settings`: one of an interface's was set. */
export type LinkEventKind = 'changed' | 'taken' | 'settings';

export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  NEWADDR: 20,
  DELADDR: 21,
  NEWROUTE: 24,
  DELROUTE: 25,
  NEWRULE: 32,
  DELRULE: 33,
  NEWNETCONF: 80,
  DELNETCONF: 81,
} as const;

/** struct rtmsg (include/uapi/linux/rtnetlink.h): family 0, length of the destination 1, table 4, protocol 5, flags 8. */
const RTMSG_LEN = 12;
const RTA = { OIF: 4, TABLE: 15 } as const;
const RTM_F_CLONED = 0x200;
const RT_TABLE_MAIN = 254;
/** struct fib_rule_hdr: 12 bytes, the protocol is an attribute. */
const FIB_RULE_HDR_LEN = 12;
const FRA_PROTOCOL = 21;
/** struct ifinfomsg: family 0, index 4, flags 8. struct ifaddrmsg: index 4. */
const IFINFOMSG_LEN = 16;
const IFADDRMSG_LEN = 8;
const IFLA = { IFNAME: 3, MTU: 4, OPERSTATE: 16 } as const;
const AF_INET6 = 10;

export class LinkEvents {
  /** Of the interfaces that matter, by index: their names, as they were when it was last asked for. */
  private indexes: ReadonlyMap<number, string>;
  private isStale = false;
  /** What was told last of each, in short. BOUNDED: by the interfaces that matter. */
  private readonly told = new Map<number, string>();

  constructor(private readonly interest: () => LinkInterest) {
    this.indexes = this.lookUp();
  }

  /** What a message is about; null: nothing of ours, what we have done ourselves, or what is known. */
  kindOf(type: number, view: DataView, body: number, end: number): LinkEventKind | null {
    switch (type) {
      case RTM.NEWLINK:
      case RTM.DELLINK:
        return this.isNewOfLink(type, view, body, end) ? 'changed' : null;
      case RTM.NEWADDR:
      case RTM.DELADDR:
        return end - body < IFADDRMSG_LEN || this.isOurs(view.getInt32(body + 4, true)) ? 'changed' : null;
      case RTM.NEWROUTE:
      case RTM.DELROUTE:
        return this.kindOfRoute(type, view, body, end);
      case RTM.DELRULE:
        return isOurRule(view, body, end) ? 'taken' : null;
      case RTM.NEWRULE:
      case RTM.DELNETCONF:
        return null;
      case RTM.NEWNETCONF:
        return 'settings';
      default:
        return 'changed';
    }
  }

  private kindOfRoute(type: number, view: DataView, body: number, end: number): LinkEventKind | null {
    if (end - body < RTMSG_LEN) return 'changed';
    if (view.getUint8(body + 5) === RT_PROTOCOL) return type === RTM.DELROUTE ? 'taken' : null;
    if ((view.getUint32(body + 8, true) & RTM_F_CLONED) !== 0) return null;
    const { tables, prefixesOf } = this.interest();
    let table: number = view.getUint8(body + 4);
    let device = 0;
    eachAttribute(view, body + RTMSG_LEN, end, (attribute, value, length) => {
      if (length < 4) return;
      if (attribute === RTA.TABLE) table = view.getUint32(value, true);
      if (attribute === RTA.OIF) device = view.getInt32(value, true);
    });
    if (table >= tables.from && table <= tables.to) return 'changed';
    if (table !== RT_TABLE_MAIN) return null;
    const isDefault = view.getUint8(body + 1) === 0;
    const isBehindLan = prefixesOf.length > 0 && view.getUint8(body) === AF_INET6;
    if (isDefault) return 'changed';
    return isBehindLan && prefixesOf.includes(this.known().get(device) ?? '') ? 'changed' : null;
  }

  /** The kernel tells of a link also when nothing of what we read has changed. */
  private isNewOfLink(type: number, view: DataView, body: number, end: number): boolean {
    if (end - body < IFINFOMSG_LEN) return true;
    // A bridge tells of its ports under a family of its own.
    if (view.getUint8(body) !== 0) return false;
    const index = view.getInt32(body + 4, true);
    // It may have had another name.
    const was = this.indexes.has(index);
    let name = '';
    let text = `${type} ${view.getUint32(body + 8, true)}`;
    eachAttribute(view, body + IFINFOMSG_LEN, end, (attribute, value, length) => {
      if (attribute === IFLA.IFNAME) name = readName(view, value, length);
      if (attribute === IFLA.MTU && length >= 4) text += ` mtu ${view.getUint32(value, true)}`;
      if (attribute === IFLA.OPERSTATE && length >= 1) text += ` state ${view.getUint8(value)}`;
    });
    const isOurs = this.interest().interfaces.includes(name);
    if (isOurs || was) this.isStale = true;
    if (!isOurs) {
      this.told.delete(index);
      return was;
    }
    const isNew = this.told.get(index) !== `${text} ${name}`;
    this.told.set(index, `${text} ${name}`);
    return isNew;
  }

  private isOurs(index: number): boolean {
    return this.known().has(index);
  }

  private known(): ReadonlyMap<number, string> {
    if (this.isStale) this.indexes = this.lookUp();
    this.isStale = false;
    return this.indexes;
  }

  private lookUp(): ReadonlyMap<number, string> {
    const found = this.interest().interfaces.map((name) => [sys.ifIndex(name), name] as const);
    return new Map(found.filter(([index]) => index > 0));
  }

  /** The configuration is another one, perhaps. */
  forget(): void {
    this.isStale = true;
  }
}

function isOurRule(view: DataView, body: number, end: number): boolean {
  let ours = false;
  eachAttribute(view, body + FIB_RULE_HDR_LEN, end, (attribute, value) => {
    if (attribute === FRA_PROTOCOL) ours = view.getUint8(value) === RT_PROTOCOL;
  });
  return ours;
}

function readName(view: DataView, at: number, length: number): string {
  let name = '';
  for (let i = 0; i < length && view.getUint8(at + i) !== 0; i++)
    name += String.fromCharCode(view.getUint8(at + i));
  return name;
}
