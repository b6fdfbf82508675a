/** The rules of the architecture, each with its reason. DESIGN of the layers: docs and ARCHITECTURE.md. */
import { areaOf, type SourceFile } from './source-files.js';

/** `path: what is wrong: why`. */
export type Violation = string;

interface Arrow {
  /** Areas whose files may be imported, besides its own. */
  readonly sees: readonly string[];
  /** Areas that may be imported dynamically only: loaded when a command needs them. */
  readonly loads?: readonly string[];
  /** Areas of which only single files may be seen. */
  readonly only?: Readonly<Record<string, readonly string[]>>;
  readonly why: string;
}

/** model <- wire <- core <- { kernel, sim } <- daemon; config and observe beside them; api and cli are clients. */
export const ARROWS: Readonly<Record<string, Arrow>> = {
  model: { sees: [], why: 'nouns that everybody shares depend on nobody' },
  wire: { sees: ['model'], why: 'a codec knows bytes and nouns, not what is done with them' },
  core: { sees: ['model', 'wire'], why: 'the engine has no I/O, so that every front end can drive it' },
  kernel: { sees: ['model', 'wire', 'core'], why: 'a front end drives the engine and knows no daemon' },
  sim: { sees: ['model', 'wire', 'core'], why: 'a front end drives the engine and knows no daemon' },
  config: { sees: ['model', 'observe'], why: 'a file becomes a model; nothing is done with it yet' },
  observe: { sees: ['model'], why: 'everybody may log, so logging may depend on nobody' },
  api: {
    sees: ['model', 'config', 'observe'],
    why: 'the control socket shows read models and never reaches into the engine',
  },
  cli: {
    sees: ['model', 'config', 'observe', 'api'],
    loads: ['daemon', 'kernel', 'lab', 'bench'],
    why: 'a command is a client of the contract, and loads what it runs when it runs it',
  },
  daemon: {
    sees: ['model', 'wire', 'core', 'kernel', 'config', 'observe', 'api'],
    why: 'the only place that wires everything, and nobody’s dependency',
  },
};

/** What of `src` the page may have in it: what runs in browsers. Types of the contract cost nothing, and come from where they are. */
const IN_BROWSERS = /^src\/(api\/(client|words)\/|api\/counters\.ts$)/;
const TYPES_FOR_BROWSERS = /^src\/api\/(contract|operations)\.ts$/;

export function pageViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, imports }) =>
    imports.flatMap(({ target, typeOnly }) => {
      if (/^web\/src\//.test(target) || IN_BROWSERS.test(target)) return [];
      if (typeOnly && TYPES_FOR_BROWSERS.test(target)) return [];
      if (/^(preact|@preact\/signals|uplot)(\/|$)/.test(target)) return [];
      return [
        `${path}: imports ${target}: the page sees the contract, its client and its words, and no more`,
      ];
    }),
  );
}

/** All that a browser loads of `src`, with what that loads: nothing of Node, and no package. */
export function browserViolations(files: readonly SourceFile[]): Violation[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  // BOUNDED: files.
  const seen = new Set(files.filter(({ path }) => IN_BROWSERS.test(path)).map(({ path }) => path));
  const violations: Violation[] = [];
  for (const path of seen) {
    for (const { target, typeOnly, dynamic } of byPath.get(path)?.imports ?? []) {
      if (typeOnly || dynamic) continue;
      if (byPath.has(target)) seen.add(target);
      else violations.push(`${path}: imports ${target}: the page loads it, and browsers have no such thing`);
    }
  }
  return violations;
}

/** Dynamic imports out of `src` are for these files alone. */
const LEAVES_SRC = ['src/cli/program.ts'];

export function arrowViolations(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const file of files.filter(({ path }) => path.startsWith('src/'))) {
    const from = areaOf(file.path);
    const arrow = ARROWS[from];
    if (arrow === undefined) {
      violations.push(`${file.path}: the folder src/${from} has no rule: add its arrow with a reason`);
      continue;
    }
    for (const { target, dynamic } of file.imports) {
      if (!/^(src|lab|bench|test)\//.test(target)) continue;
      const to = areaOf(target);
      if (to === from || arrow.sees.includes(to)) continue;
      if (dynamic && (arrow.loads ?? []).includes(to)) {
        if (target.startsWith('src/') || LEAVES_SRC.includes(file.path)) continue;
        violations.push(
          `${file.path}: loads ${target}: only ${LEAVES_SRC.join(', ')} leaves src, at one visible place`,
        );
        continue;
      }
      violations.push(`${file.path}: ${dynamic ? 'loads' : 'imports'} ${target}: ${arrow.why}`);
    }
  }
  return violations;
}

/** Folders without I/O, clock or randomness of their own. */
const PURE = ['model', 'wire', 'core', 'sim'];
const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/\bDate\b/, 'time comes in as an argument'],
  [/\bperformance\b/, 'time comes in as an argument'],
  [/\bMath\.random\b/, 'randomness comes in as an argument'],
  [/\bcrypto\b/, 'randomness comes in as an argument'],
  [/\bset(Timeout|Interval|Immediate)\b/, 'deadlines are told to the caller'],
  [/\bqueueMicrotask\b/, 'deadlines are told to the caller'],
  [/\bBuffer\b/, 'Uint8Array and DataView work everywhere'],
  [/\bprocess\b(?!-)/, 'the process belongs to the daemon'],
  [/\bconsole\b/, 'what happened is returned, not printed'],
  [/\bfetch\(/, 'no I/O'],
  [/\bglobalThis\b/, 'no globals'],
];

export function purityViolations(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    if (!file.path.startsWith('src/') || !PURE.includes(areaOf(file.path))) continue;
    for (const { target } of file.imports) {
      if (!target.startsWith('src/'))
        violations.push(`${file.path}: imports ${target}: a pure folder needs no package`);
    }
    const code = withoutStrings(file.code);
    for (const [pattern, why] of IMPURE) {
      const found = pattern.exec(code);
      if (found !== null) violations.push(`${file.path}: says ${found[0]}: ${why}`);
    }
  }
  return violations;
}

/** Who may look at the wall clock, which somebody may set at any moment: for all else there is the monotonic one. */
const WALL_CLOCK: Readonly<Record<string, string>> = {
  'src/kernel/clock.ts': 'makes dates of monotonic times',
  'src/daemon/measuring.ts': 'reads both clocks at one moment, for the day of a bill',
  'src/daemon/alignment.ts': 'services have times of the day',
  'src/daemon/gateway.ts': 'the age of the memory of an earlier run',
  'src/daemon/persistence.ts': 'the age of the memory of this run, for a later one',
  'src/daemon/run.ts': 'the time of a line of the log',
  'src/observe/log.ts': 'the time of a line of the log',
  'src/cli/routes.ts': 'compares dates of an answer with now',
  'src/cli/top/run.ts': 'dates each look',
};

export function wallClockViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, code }) => {
    const found = /\bDate\.now\(|\bnew Date\(\)|\btimeOrigin\b/.exec(withoutStrings(code));
    if (found === null || WALL_CLOCK[path] !== undefined) return [];
    return [`${path}: says ${found[0]}: the wall clock may be set; use monotonicMs of kernel/clock.ts`];
  });
}

/** Where a package may be imported. */
const OWNERS: Readonly<Record<string, { readonly by: RegExp; readonly why: string }>> = {
  koffi: {
    by: /^src\/kernel\/ffi\.ts$/,
    why: 'one file makes system calls, so one file can crash the process',
  },
  fastify: { by: /^src\/api\//, why: 'one folder speaks HTTP' },
  commander: { by: /^src\/cli\//, why: 'one folder reads arguments' },
  zod: {
    by: /^src\/(config|api)\//,
    why: 'people and programs write by it; a running gateway does not load it',
  },
  ajv: {
    by: /^src\/daemon\/validators-document\.ts$/,
    why: 'it makes validators of what a disk has, which need it no more',
  },
  yaml: { by: /^(src\/config|lab|bench)\//, why: 'one folder reads files of people' },
  'ipaddr.js': { by: /^src\/config\//, why: 'the hot path has its own addresses' },
  pino: { by: /^src\/observe\//, why: 'one folder writes the log' },
};

export function ownerViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) =>
    file.imports.flatMap(({ target }) => {
      const owner = OWNERS[target];
      return owner === undefined || owner.by.test(file.path)
        ? []
        : [`${file.path}: imports ${target}: ${owner.why}`];
    }),
  );
}

/** What a gateway loads when it starts, and its race thread: whatever these files import, and so on. */
const STARTED = [
  'src/cli/main.ts',
  'src/config/parse-apart.ts',
  'src/daemon/run.ts',
  'src/kernel/race-thread.ts',
];
const NOT_AT_REST = ['ajv', 'fastify', 'yaml', 'zod'];

/** Packages that a gateway would keep in memory though nobody has asked it anything (docs/decisions/0040). */
export function restingViolations(files: readonly SourceFile[]): Violation[] {
  const known = new Map(files.map((file) => [file.path, file]));
  const violations: Violation[] = [];
  const seen = new Set(STARTED);
  for (const path of seen) {
    for (const { target, typeOnly, dynamic } of known.get(path)?.imports ?? []) {
      if (typeOnly || dynamic) continue;
      if (NOT_AT_REST.includes(target))
        violations.push(`${path}: imports ${target}: a running gateway would keep it in memory`);
      seen.add(target);
    }
  }
  return violations;
}

const LONGEST = { source: 400, test: 600 } as const;

export function styleViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) => {
    const violations: Violation[] = [];
    const lines = file.text.split('\n').length - 1;
    const longest = file.path.startsWith('test/') ? LONGEST.test : LONGEST.source;
    if (lines > longest)
      violations.push(`${file.path}: ${lines} lines: at most ${longest}, one concept in a file`);
    if (file.path.startsWith('src/')) {
      if (/throw new (Error|TypeError|RangeError)\(/.test(file.code)) {
        violations.push(`${file.path}: throws a bare error: registry errors have a code and a remedy`);
      }
      if (!/^(#![^\n]*\n)?\s*\/\*\*/.test(file.text)) {
        violations.push(`${file.path}: no docstring at its top: say what the file is for before how`);
      }
    }
    return violations;
  });
}

/**
 * A promise that nobody waits for says where its failure goes: the linter wants it caught or awaited, and takes `void` for an answer.
 * It does not see asynchronous functions where nobody looks at what they return.
 */
const UNWATCHED: readonly (readonly [RegExp, string])[] = [
  [
    /(?:^|[;{}=>)]|\belse)\s*void\s+[\w(]/m,
    'starts work whose failure nobody hears of: use .catch or .then(…, …)',
  ],
  [/\bset(?:Timeout|Interval|Immediate)\(\s*async\b/, 'a timer does not look at what a function returns'],
  [/\.(?:on|once)\([^,()]+,\s*async\b/, 'an event does not look at what a function returns'],
];

export function promiseViolations(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    if (!/^src\/(kernel|daemon|api)\//.test(file.path)) continue;
    for (const line of withoutStrings(file.code).split('\n')) {
      for (const [pattern, why] of UNWATCHED)
        if (pattern.test(line)) violations.push(`${file.path}: ${line.trim()}: ${why}`);
    }
  }
  return violations;
}

/** Every folder needs a file that says what the folder is for, which is the file that carries the folder's name or any other. */
export function folderViolations(files: readonly SourceFile[]): Violation[] {
  const documented = new Set<string>();
  const all = new Set<string>();
  for (const file of files.filter(({ path }) => path.startsWith('src/'))) {
    all.add(areaOf(file.path));
    if (/^(#![^\n]*\n)?\s*\/\*\*/.test(file.text)) documented.add(areaOf(file.path));
  }
  return [...all]
    .filter((area) => !documented.has(area))
    .map((area) => `src/${area}: no file says what it is for`);
}

/** Circles of imports, each once. Types alone make no circle when `types` is false. */
export function cycles(files: readonly SourceFile[], types: boolean): string[][] {
  const graph = new Map(
    files.map((file) => [
      file.path,
      file.imports
        .filter(({ typeOnly, dynamic }) => !dynamic && (types || !typeOnly))
        .map(({ target }) => target),
    ]),
  );
  return components(graph).filter((component) => component.length > 1);
}

/** Strongly connected components (Tarjan). */
function components(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    low.set(node, order.size - 1);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!graph.has(next)) continue;
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== order.get(node)) return;
    found.push(stack.splice(stack.indexOf(node)).sort());
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

function withoutStrings(code: string): string {
  return code.replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g, "''");
}
