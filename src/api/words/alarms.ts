/** What to do about an alarm of `status`. Runs in browsers. */

/** One sentence or two; of an alarm that is not known: where to look on. */
export function remedyOf(alarm: string): string {
  return REMEDIES.find(([pattern]) => pattern.test(alarm))?.[1] ?? OTHERS;
}

const OTHERS = '`pathrace doctor` on the gateway and its log say more.';

/** The first that matches. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /^no route is up/,
    'Nothing reaches the internet. Look at the power and the cables of the providers’ devices first, then at each route below.',
  ],
  [
    /^route \S+ is (down|suspect).*(interface-missing)/,
    'Plug the interface in, or correct `interface` of the route in the configuration. The route is taken in as soon as the interface appears.',
  ],
  [/^route \S+ is (down|suspect).*(no-carrier|interface-down)/, 'Check the cable and the provider’s device.'],
  [
    /^route \S+ is (down|suspect).*(no-address|no-gateway)/,
    'The provider has given no address or next hop: look at the interface’s DHCP or router advertisements, and restart the provider’s device.',
  ],
  [
    /^route \S+ is (down|suspect).*checks-failed/,
    'Its own checks are not answered: look whether their targets answer by another route; if they do, ask the provider.',
  ],
  [
    /^route \S+ is (down|suspect).*returned/,
    'Nothing: it is back and has to answer once before anything depends on it.',
  ],
  [
    /^route \S+ is (down|suspect)/,
    'Nothing is lost: the other routes carry new connections, and it is taken back by itself when it answers. If it stays so, restart the provider’s device, then ask the provider.',
  ],
  [
    /^route \S+ .*(quota|used up)/,
    'Raise its `quota`, or wait for the next period. The other routes carry on.',
  ],
  [
    / of its ports towards |has no port left/,
    'Give the route further `addresses`, or find out what the named clients do.',
  ],
  [/^a bug inside Pathrace/, 'Connections are not lost by it. Please report what the log says.'],
  [/race thread has ended/, 'It was started again by itself. Please report what the log says.'],
  [
    /configuration is not in force/,
    'It is tried again by itself. Look at the message; `pathrace reload` tries at once, with the file as it is by then.',
  ],
  [
    /by somebody else|somebody else removes/,
    'Find the program that changes it (a network manager, a script) and have it leave this alone.',
  ],
  [/rule of yours|rules of yours/, '`pathrace doctor` names the rule; narrow it to what it is meant for.'],
  [/IPv6 (was|is) switched off/, 'Switch it on again: `sysctl net.ipv6.conf.INTERFACE.disable_ipv6=0`.'],
  [/API does not listen/, 'Check `api.listen`, and whether another program listens there.'],
  [
    /leave|left.*(provider|route)|guard/,
    'The packets were dropped, nothing leaked. The log names them; please report it.',
  ],
];
