/** What the machine-readable words of a decision mean to a person: the same on a terminal and on the page. Unknown words are shown as they are. Runs in browsers. */
import type { Decision, DecisionPin } from '../contract.js';

/** Why it went where it went: `the first to answer`, `chosen in turn by weight`; empty where there are no words for it. */
export function explainDecision({ criterion, reasons, route, routes }: Decision): string {
  const group = reasons.includes('group-or-criterion') ? ', or to stay with its group' : '';
  return explain({ criterion, reasons, route, routes }) + group;
}

type Explained = Pick<Decision, 'criterion' | 'reasons' | 'route' | 'routes'>;

function explain({ criterion, reasons, route, routes }: Explained): string {
  const plain = reasons.flatMap((reason) => lookUp(REASONS, reason) ?? []);
  if (plain.length > 0) return plain.join(', ');
  // A reason to choose is nearer to the connection than the criterion of its service.
  const how = [...reasons, criterion].flatMap((word) => lookUp(CHOICES, word) ?? [])[0];
  if (!reasons.includes('rescued')) return how === undefined ? '' : `chosen ${how}`;
  const left = routes.filter((one) => one.answer === 'silence' && one.route !== route);
  const from = left.length === 0 ? 'another route' : left.map((one) => one.route).join(' and ');
  return `rescued from ${from}, which ${how === undefined ? '' : `was chosen ${how} but `}did not answer`;
}

/** What each word of `reasons` means; of `races.single`, too. */
export function meaningOf(reason: string): string {
  if (reason === 'criterion') return 'chosen by the criterion of its service';
  if (reason === 'group-or-criterion')
    return 'chosen by the criterion of its service, or to stay with its group';
  if (reason === 'chosen-before')
    return 'chosen by the criterion of its service, longer ago than is remembered';
  if (reason === 'rescued') return 'taken over from a route that had been chosen and did not answer';
  const chosen = lookUp(CHOICES, reason);
  return lookUp(REASONS, reason) ?? (chosen === undefined ? reason : `chosen ${chosen}`);
}

/** Who holds what comes next on a route, and until when: `its group (client), until 12:00 unless it is used again`. */
export function holderOf({ by, group }: DecisionPin, until: string | null): string {
  const who = {
    command: 'command',
    group: `its group (${group ?? ''})`,
    tunnel: 'its tunnel',
    control: 'its control connection',
  }[by];
  const isRenewed = by === 'group' || by === 'tunnel';
  return until === null ? who : `${who}, until ${until}${isRenewed ? ' unless it is used again' : ''}`;
}

/** The answer as the contract has it, with words for those that need some. */
export function explainAnswer(answer: string): string {
  const meaning = lookUp(ANSWERS, answer);
  return meaning === undefined ? answer : `${answer}: ${meaning}`;
}

type Words = Readonly<Record<string, string | undefined>>;

function lookUp(words: Words, word: string): string | undefined {
  return Object.hasOwn(words, word) ? words[word] : undefined;
}

/** Criteria and reasons that end the sentence `The route was chosen ...`. */
const CHOICES: Words = {
  'group-or-remembered': 'to stay with its group, or as the fastest that is remembered',
  remembered: 'as the fastest that is remembered',
  affinity: 'to stay with its group',
  held: 'by command, which holds its destination there',
  'same-flow': 'to stay with its flow',
  tunnel: 'to stay with its tunnel, or as its service chooses for the first of one',
  follows: 'to stay with the call, stream or transfer that it belongs to',
  fixed: 'by name',
  rest: 'as no service names the connection',
  'round-robin': 'in turn',
  weighted: 'in turn by weight',
  'least-connections': 'for the fewest connections',
  'least-traffic': 'for the least traffic',
  'least-weighted-load': 'for the least load',
  'fastest-probe': 'as the fastest in its own checks',
  'fastest-history': 'as the fastest in earlier races',
  cheapest: 'as the cheapest',
  priority: 'as the most preferred that can be used',
  spillover: 'as the first with capacity left',
  hash: 'by hash',
};

/** Reasons that are the whole answer. */
const REASONS: Words = {
  'only-route': 'the only route that can be used',
  'no-route': 'no route can be used',
  'race-table-full': 'not raced: too many races at one time',
  'set-ups-full': 'not raced: too many long datagrams in races at one time',
  'client-race-limit': 'not raced: too many races of this client',
  'client-race-rate': 'not raced: too many new races of this client',
  'host-race-limit': 'not raced: too many races of this host, by all of its addresses',
  'destination-race-rate': 'not raced: too many new races towards this address',
  'never-raced': 'not raced: `race.never` has its destination',
  'ports-exhausted': 'not raced: no source port is free',
  'mptcp-join': 'not raced: it joins a Multipath TCP connection',
  'tcp-authentication': 'not raced: its TCP is authenticated',
  'ttl-expires-here': 'not raced: its hop limit ends here',
  'ip-options': 'not raced: it has IP options',
  'set-up-too-long': 'not raced: its first packet is too long',
  'destination-scope': 'not raced: its destination is no host of the internet',
  'not-a-set-up': 'not raced: it is not the start of a connection',
  'copies-refused': 'not raced: no copy could leave; does a firewall rule for output drop them?',
  'operator-rule':
    'not raced: a rule of yours may give it what no copy has (another source, say); doctor names it',
  'entry-kept': 'not raced: rules have put something on its conntrack entry that no other can be given',
  'way-given':
    'not raced: the program is bound to an interface, or the main table has a way there of its own',
  'internal-error': 'not raced: a bug inside Pathrace, which the log names',
  'first-reply': 'the first to answer',
  'first-payload': 'the first to bring the server’s words',
  'payload-not-safe': 'the first to answer, as the client’s first words must not be said twice',
  'payload-too-long': 'the first to answer, as the client’s first words were too long to keep',
  'client-goes-on': 'the first to answer, as the client said more before its server had answered',
  'client-has-ended': 'the first to answer, as the client ended the connection',
  'no-payload': 'the first to answer, as nobody said anything for long',
  'others-out': 'the first to answer, as no other route could carry it any more',
  'group-reply': 'to stay with its group, which was raced at the same time',
  'simultaneous-open': 'both ends connected at the same time',
  'all-routes-negative': 'every route refused it',
  'refused-by-server': 'the server refused it',
  'error-and-silence': 'some routes answered with errors, the others not at all',
  'all-routes-silent': 'no route answered',
  'replaced-by-new-connection': 'the client began anew on the same port',
  'tuple-in-use': 'the kernel already had such a connection',
  'no-copy-sent': 'no route took the packet',
  'main-table': 'its way is the main routing table’s own',
  'came-by-it': 'it came in by this route, or keeps its own address',
  'raced-before': 'won a race that is no longer remembered',
};

const ANSWERS: Words = {
  waited: 'not asked, as the race was over before its turn',
  'syn-ack': 'accepted',
  rst: 'refused the connection',
  answer: 'answered',
  no: 'answered with an error, or with nothing',
  silence: 'no answer',
  'not-sent': 'not tried',
  'icmp 3/0': 'network unreachable',
  'icmp 3/1': 'host unreachable',
  'icmp 3/3': 'port unreachable',
  'icmp 3/13': 'forbidden by a filter',
  'icmp 11/0': 'went round in a loop',
  'icmpv6 1/0': 'no route',
  'icmpv6 1/1': 'forbidden by a filter',
  'icmpv6 1/3': 'address unreachable',
  'icmpv6 1/4': 'port unreachable',
  'icmpv6 3/0': 'went round in a loop',
};
