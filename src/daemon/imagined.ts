/** A connection that is only imagined. */
import type { AddressWords } from '../model/address.js';
import type { FirstProtocol } from '../wire/first-packets.js';

/** A connection that nobody has opened. */
export interface Imagined {
  readonly client: AddressWords;
  readonly destination: AddressWords;
  /** Of what has none, or where none was said, one that hardly any rule names. */
  readonly port: number;
  readonly protocol: FirstProtocol;
  /** LOCAL: the gateway itself. */
  readonly interface: string;
}
