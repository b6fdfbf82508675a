/** Every call of the log in the source: an event each, and nothing in a message that names whom hosts talk to. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

interface Call {
  readonly file: string;
  readonly level: string;
  readonly args: readonly string[];
}

/** Arguments of a call whose opening parenthesis is before `from`, split at commas outside of brackets and texts. */
function argumentsAt(code: string, from: number): string[] {
  const args: string[] = [];
  const open: string[] = [];
  let begin = from;
  for (let at = from; ; at++) {
    const char = code[at] as string;
    const inside = open.at(-1);
    if (inside === "'" || inside === '`') {
      if (char === '\\') at++;
      else if (char === inside) open.pop();
      else if (inside === '`' && char === '$' && code[at + 1] === '{') {
        open.push('}');
        at++;
      }
    } else if (char === inside) open.pop();
    else if (char === "'" || char === '`') open.push(char);
    else if (char in CLOSES) open.push(CLOSES[char] as string);
    else if (open.length === 0 && (char === ',' || char === ')')) {
      args.push(code.slice(begin, at).replace(/\s+/g, ' ').trim());
      begin = at + 1;
      if (char === ')') return args.filter((arg) => arg !== '');
    }
  }
}

const CLOSES: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' };

const calls: Call[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !/^(cli|sim)\//.test(path))
  .flatMap((file) => {
    const code = readFileSync(join(SRC, file), 'utf8').replace(/^\s*(\*|\/\/|\/\*\*).*$/gm, '');
    return [...code.matchAll(/\blog\s*\.(trace|debug|info|warn|error|fatal)\(/g)].map((match) => ({
      file,
      level: match[1] as string,
      args: argumentsAt(code, match.index + match[0].length),
    }));
  });

/** Messages that are not written where they are logged, and why they name nobody. */
const MADE_ELSEWHERE: Readonly<Record<string, string>> = {
  'this.lost': 'the path of the state file, and why it was not read',
  'this.trouble': 'the path of the state file, and why it was not written',
  'String(error)': 'a code and the words of a tool or of the kernel, about routes and rules',
  'this.refusal()': 'a count, and chains of the operator',
  "this.told(use, 'one server')": 'a route and its share of ports; the server and its clients are fields',
  'noLan(name)': 'an interface',
  'noIpv6(name)': 'an interface',
  text: 'a route, its state, its own addresses',
  'error.message': 'why the race thread has ended: no packet is in it',
  'reason.message': 'why the race thread did not start',
  alarms: 'addresses of `api.listen`, and why they cannot be listened at',
  why: 'the path of the file of tokens, and why it cannot be read',
};

/** What nobody but `status`, `why` and a log at `debug` may name. */
const NAMES = /\b(client|clients|destination|server|serverOf|source|host|hosts|peer|query|users)\b/;

describe('calls of the log', () => {
  it('were found', () => {
    expect(calls.length).toBeGreaterThan(50);
  });

  it.each(calls.map((call) => [call.file, call.args.join(', ').slice(0, 80), call] as const))(
    '%s: %s',
    (file, _, { args }) => {
      const [fields = '', message = ''] = args;
      expect(args).toHaveLength(2);
      const code = readFileSync(join(SRC, file), 'utf8');
      // Written here, or in a constant of the same file.
      const known =
        fields.startsWith('{') && !fields.startsWith('{ ...')
          ? fields
          : /\bfields = \{[^}]*\}/.exec(code)?.[0];
      expect(known).toMatch(/\bevent(: |,)/);
      const isText = /^['`]/.test(message);
      if (!isText) expect(Object.keys(MADE_ELSEWHERE)).toContain(message);
      const parts = isText ? [...message.matchAll(/\$\{([^}]*)\}/g)].map(([, part]) => part) : [];
      expect(parts.filter((part) => NAMES.test(part ?? ''))).toEqual([]);
    },
  );

  it('have no message made elsewhere that is gone', () => {
    const made = calls.map(({ args }) => args[1] ?? '').filter((message) => !/^['`]/.test(message));
    expect(Object.keys(MADE_ELSEWHERE).filter((message) => !made.includes(message))).toEqual([]);
  });
});
