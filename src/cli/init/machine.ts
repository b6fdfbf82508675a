/** What `pathrace init` knows of a machine, and the file that it proposes: values alone, so that any machine can be made up. */

/** An address with the length of its prefix. */
export interface MachineAddress {
  readonly address: string;
  readonly prefixLength: number;
}

/** An interface; see `SurveyedLink`. */
export interface MachineLink {
  readonly name: string;
  readonly kind: string | null;
  readonly master: string | null;
  readonly ipv4: readonly MachineAddress[];
  readonly ipv6: readonly MachineAddress[];
}

/** A default route; those that the kernel prefers come first. */
export interface MachineDefault {
  readonly family: 'ipv4' | 'ipv6';
  readonly interface: string;
  readonly gateway: string | null;
}

export interface Machine {
  readonly links: readonly MachineLink[];
  readonly defaults: readonly MachineDefault[];
}

/** How an uplink reaches its provider, by its interface. */
export type UplinkKind = 'wired' | 'wifi' | 'modem' | 'usb' | 'ppp' | 'tunnel';

/** A route of the file. */
export interface ProposedRoute {
  readonly name: string;
  readonly interface: string;
  readonly kind: UplinkKind;
  /** Where the interface is shared: what is its own. Else the kernel is asked. */
  readonly own: { readonly gateway: string; readonly addresses: readonly string[] } | null;
  /** What was found, for a comment: `IPv4 192.0.2.7 by 192.0.2.1`. */
  readonly found: readonly string[];
  /** It stands for a provider that is not there yet. */
  readonly isPlaceholder: boolean;
  /** In any unit of money for a gigabyte; null: not said. */
  readonly cost: number | null;
}

export interface Proposal {
  readonly routes: readonly ProposedRoute[];
  /** Empty: nobody but the machine itself. */
  readonly lan: readonly string[];
  /** What somebody should know before the file is used. */
  readonly notes: readonly string[];
}
