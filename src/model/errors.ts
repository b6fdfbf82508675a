/**
 * Every error that a person can see: a stable code, what it means and the remedy. A code is never re-used.
 * `docs/errors.md` lists exactly these; a test compares both.
 */
export const ERRORS = {
  E_CONFIG_INVALID: {
    meaning: 'The configuration file has mistakes; nothing was started.',
    remedy: 'Correct every line that the message lists, then run `pathrace check FILE`.',
  },
  E_CONFIG_UNREADABLE: {
    meaning: 'The configuration file cannot be read.',
    remedy: 'Check the path and the permissions.',
  },
  E_RELOAD_FAILED: {
    meaning: 'A changed configuration could not be applied; the one before is in force.',
    remedy:
      'It is tried again by itself, and `pathrace status` shows an alarm until then; `pathrace reload` tries at once, with the file as it is by then.',
  },
  E_ENDING: {
    meaning: 'The gateway is ending and changes nothing any more.',
    remedy: 'Ask again when it has been started again.',
  },
  E_PRIVILEGE: {
    meaning: 'The process may not change the network of this namespace.',
    remedy: 'Run as root, or give the process CAP_NET_ADMIN and CAP_NET_RAW.',
  },
  E_ALREADY_RUNNING: {
    meaning: 'Another Pathrace gateway serves this network namespace.',
    remedy: 'Stop it first, or use its control socket.',
  },
  E_COMMAND_FAILED: {
    meaning: 'A system tool (nft, ip) refused what it was told.',
    remedy: 'The message carries the tool’s own words; `pathrace doctor` shows what is missing.',
  },
  E_NETLINK: {
    meaning: 'The kernel refused a netlink request.',
    remedy: 'The message names the request and the error number; `pathrace doctor` shows what is missing.',
  },
  E_CONTROL_UNREACHABLE: {
    meaning: 'No gateway answers on the control socket.',
    remedy: 'Start the gateway, or name its socket with --control or PATHRACE_CONTROL.',
  },
  E_CONTROL_BUSY: {
    meaning: 'A gateway runs and listens, but has not answered.',
    remedy:
      'Try again in a moment. It need not be started, connections go on meanwhile; if it stays so, its log and its CPU time say more.',
  },
  E_CONTROL_SOCKET: {
    meaning: 'The control socket cannot be made.',
    remedy:
      'Check the key `control` and the permissions of its directory; a file in the way is never removed.',
  },
  E_API_LISTEN: {
    meaning: 'An address of `api.listen` cannot be listened at, or what that needs cannot be read.',
    remedy: 'The message says which; check the keys below `api`, and whether another program listens there.',
  },
  E_UNAUTHENTICATED: {
    meaning: 'The API does not know who asks.',
    remedy:
      'Send `Authorization: Bearer TOKEN`. `pathrace token add NAME --role read --tokens FILE` makes a token.',
  },
  E_FORBIDDEN: {
    meaning: 'Whoever asks may not do that.',
    remedy:
      'Use a token of the role `operate`, and the address of the gateway by one of its own names (`api.hosts`).',
  },
  E_NOT_FOUND: {
    meaning: 'There is no such thing.',
    remedy: 'The message says what there is.',
  },
  E_TOO_MANY: {
    meaning: 'Too many requests, or too many wrong tokens.',
    remedy: 'Wait for as long as `Retry-After` says.',
  },
  E_CONFIG_CHANGED: {
    meaning: 'The configuration file is not what it was when it was read.',
    remedy: 'Read it again, and make the change in what it says now.',
  },
  E_TOKENS: {
    meaning: 'The file of tokens cannot be read or written, or says something that is no token.',
    remedy: 'Check its path and permissions; `pathrace token list --tokens FILE` says what is in it.',
  },
  E_ARGUMENT: {
    meaning: 'An argument of the command has a value that is not allowed.',
    remedy: 'See --help of the command.',
  },
  E_NO_UPLINK: {
    meaning: 'No interface of this machine has a default route, so there is no provider to make a route of.',
    remedy:
      'Connect a provider, wait for its address (DHCP, PPP), then run `pathrace init` again; on a terminal it asks for interfaces.',
  },
  E_OUTPUT_EXISTS: {
    meaning: 'A file is there already; nothing is written over it.',
    remedy: 'Name another file, or say --force.',
  },
  E_OUTPUT_FAILED: {
    meaning: 'A file cannot be written; nothing was.',
    remedy: 'Check the folder, its permissions and its free space.',
  },
  E_CONVERT: {
    meaning: 'A configuration of another product could not be read, or makes no gateway.',
    remedy: 'Correct the line that the message names; nothing was converted.',
  },
  E_LAB: {
    meaning: 'The lab could not be built or a tool that it drives failed.',
    remedy:
      'The message says which; the lab needs root or user namespaces, and Debian’s packages that `npm start` installs.',
  },
  E_INTERNAL: {
    meaning: 'A promise inside Pathrace was broken. This is a bug.',
    remedy: 'Report it with the message and `pathrace doctor --json`. Plain routing goes on.',
  },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** Errors that were made, by code. */
export type ErrorCounts = Readonly<Record<ErrorCode, number>>;

const made = Object.fromEntries(Object.keys(ERRORS).map((code) => [code, 0])) as Record<ErrorCode, number>;

/** Since this thread has started: told to a person, or tried again. */
export function errorCounts(): ErrorCounts {
  return { ...made };
}

/** Counts an error that nobody has given a code: a bug. */
export function countBug(): void {
  made.E_INTERNAL++;
}

/** Codes of former releases. An interface that is missing is a route that is down (docs/decisions/0028). */
export const RETIRED_CODES = ['E_INTERFACE_MISSING'] as const;

/** An error of the registry, with what was found, what was expected, and the remedy. */
export class PathraceError extends Error {
  readonly code: ErrorCode;
  readonly found: string | undefined;
  readonly expected: string | undefined;
  readonly remedy: string;

  constructor(
    code: ErrorCode,
    message: string,
    detail: {
      found?: string | undefined;
      expected?: string | undefined;
      remedy?: string;
      cause?: unknown;
    } = {},
  ) {
    super(message, detail.cause === undefined ? {} : { cause: detail.cause });
    this.name = 'PathraceError';
    made[code]++;
    this.code = code;
    this.found = detail.found;
    this.expected = detail.expected;
    this.remedy = detail.remedy ?? ERRORS[code].remedy;
  }

  /** One clear line: code, what happened, what was found and expected, the remedy. */
  override toString(): string {
    const found = this.found === undefined ? '' : ` Found: ${this.found}.`;
    const expected = this.expected === undefined ? '' : ` Expected: ${this.expected}.`;
    return `${this.code}: ${this.message}${found}${expected} Remedy: ${this.remedy}`;
  }
}

/** Stops on a broken promise of our own code; the caller never catches it to go on. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new PathraceError('E_INTERNAL', message);
}
