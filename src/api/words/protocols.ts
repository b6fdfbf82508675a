/** Protocols of which `what-if` can be asked, as they are written behind a destination. Runs in browsers. */
export const WHAT_IF_PROTOCOLS = ['tcp', 'udp', 'gre', 'esp', 'ah'] as const;
