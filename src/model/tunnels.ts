/** Flows that belong to a tunnel: what agrees on it, and what it is carried by. */

/** IKE, and what of it and of ESP is in UDP where an address is translated (RFC 3947, 3948). */
export const IKE_PORTS: readonly number[] = [500, 4500];
/** The connection of PPTP (RFC 2637). */
export const PPTP_PORT = 1723;
/** GRE, ESP, AH. */
export const TUNNEL_PROTOCOLS: readonly number[] = [47, 50, 51];

const UDP = 17;

/** Whether a flow of this IP protocol and destination port goes with its tunnel alone; PPTP's connection may be raced. */
export function isOfTunnel(protocol: number, port: number): boolean {
  return TUNNEL_PROTOCOLS.includes(protocol) || (protocol === UDP && IKE_PORTS.includes(port));
}
