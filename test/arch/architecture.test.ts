import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  arrowViolations,
  browserViolations,
  cycles,
  folderViolations,
  ownerViolations,
  pageViolations,
  promiseViolations,
  purityViolations,
  restingViolations,
  styleViolations,
  wallClockViolations,
} from './rules.js';
import { readSources, sourceFile } from './source-files.js';

const sources = readSources('src', 'lab', 'bench');
const tests = readSources('test');
const page = readSources('web/src').filter(({ path }) => !path.endsWith('.d.ts'));
const src = sources.filter(({ path }) => path.startsWith('src/'));

/**
 * Circles of types alone, which compile to nothing: each with the reason why it is one.
 * A circle that is not here, or no longer is one, fails.
 */
const TYPE_CYCLES: Readonly<Record<string, string>> = {
  'src/wire/packet.ts src/wire/tcp-options.ts': 'the options are part of the packet they are scanned into',
};

describe('the source', () => {
  it('was found', () => {
    expect(src.length).toBeGreaterThan(60);
    expect(src.flatMap((file) => file.imports).length).toBeGreaterThan(150);
    for (const { target } of src.flatMap((file) => file.imports)) {
      if (/^(src|lab|bench)\//.test(target)) expect(sources.map(({ path }) => path)).toContain(target);
    }
  });

  it('keeps to the arrows between folders', () => {
    expect(arrowViolations(src)).toEqual([]);
  });

  it('keeps model, wire, core and sim pure', () => {
    expect(purityViolations(src)).toEqual([]);
  });

  it('imports each package in its one place', () => {
    expect(ownerViolations(sources)).toEqual([]);
  });

  it('keeps in memory what a gateway at rest needs', () => {
    expect(restingViolations(src)).toEqual([]);
    const made = (text: string) =>
      restingViolations([
        sourceFile('src/daemon/run.ts', `import { x } from './x.js';`),
        sourceFile('src/daemon/x.ts', text),
      ]);
    expect(made(`import Fastify from 'fastify';`)).toHaveLength(1);
    expect(made(`import type { FastifyReply } from 'fastify';`)).toEqual([]);
    expect(made(`await import('fastify');`)).toEqual([]);
  });

  it('asks the wall clock for dates alone', () => {
    expect(wallClockViolations(src)).toEqual([]);
    const bad = (text: string): unknown[] => wallClockViolations([sourceFile('src/daemon/x.ts', text)]);
    expect(bad('const due = Date.now() + 5;')).toHaveLength(1);
    expect(bad('const since = performance.timeOrigin;')).toHaveLength(1);
    expect(bad('const date = new Date(ms);')).toEqual([]);
  });

  it('shows the page the contract alone', () => {
    expect(page.length).toBeGreaterThan(20);
    expect(pageViolations(page)).toEqual([]);
    expect(browserViolations(src)).toEqual([]);
    const bad = (text: string): unknown[] => pageViolations([sourceFile('web/src/x.ts', text)]);
    expect(bad("import { ENDPOINTS } from '../../src/api/endpoints/index.js';")).toHaveLength(1);
    expect(bad("import { alarmsOf } from '../../src/daemon/report.js';")).toHaveLength(1);
    expect(bad("import type { Status } from '../../src/api/contract.js';")).toEqual([]);
    const foreign = sourceFile('src/api/words/x.ts', "import { readFile } from 'node:fs';");
    expect(browserViolations([foreign])).toHaveLength(1);
  });

  it('has small files, docstrings, and errors with a code', () => {
    expect(styleViolations([...sources, ...tests, ...page])).toEqual([]);
  });

  it('starts no work whose failure nobody hears of', () => {
    expect(promiseViolations(src)).toEqual([]);
  });

  it('says in every folder what it is for', () => {
    expect(folderViolations(src)).toEqual([]);
  });

  it('has no circle of imports', () => {
    expect(cycles(src, false)).toEqual([]);
  });

  it('has no circle of types but those with a reason', () => {
    const found = cycles(src, true).map((cycle) => cycle.join(' '));
    expect(found.sort()).toEqual(Object.keys(TYPE_CYCLES).sort());
  });

  it('has the compiler watch the pure folders too', () => {
    const text = readFileSync(new URL('../../tsconfig.pure.json', import.meta.url), 'utf8');
    for (const folder of ['src/model', 'src/wire', 'src/core', 'src/sim'])
      expect(text).toContain(`"${folder}"`);
    expect(text).toMatch(/"types": \[\]/);
  });
});

describe('this test', () => {
  const bad = (path: string, text: string) => [sourceFile(path, `/** Made up. */\n${text}`)];

  it.each([
    ['src/wire/x.ts', `import { Engine } from '../core/engine.js';`],
    ['src/wire/x.ts', `import type { Engine } from '../core/engine.js';`],
    ['src/wire/x.ts', `export { Engine } from '../core/engine.js';`],
    ['src/wire/netlink/x.ts', `import {\n  Engine,\n  type Other,\n} from '../../core/engine.js';`],
    ['src/core/race/x.ts', `import '../../kernel/queue.js';`],
    ['src/kernel/x.ts', `const { runGateway } = await import('../daemon/gateway.js');`],
    ['src/kernel/x.ts', `new Worker(new URL('../daemon/gateway.js', import.meta.url));`],
    ['src/cli/x.ts', `import { runGateway } from '../daemon/gateway.js';`],
    ['src/cli/x.ts', `await import('../../lab/demo.js');`],
    ['src/cli/program.ts', `import { runDemo } from '../../lab/demo.js';`],
    ['src/daemon/x.ts', `import { startLab } from '../../lab/index.js';`],
    ['src/model/x.ts', `import { made } from '../../test/golden/states.js';`],
    ['src/novel/x.ts', ''],
  ])('sees a wrong arrow in %s: %s', (path, text) => {
    expect(arrowViolations(bad(path, text))).toHaveLength(1);
  });

  it.each([
    ['src/cli/program.ts', `await import('../../lab/demo.js');`],
    ['src/cli/x.ts', `await import('../daemon/gateway.js');`],
    ['src/cli/x.ts', `// import '../daemon/gateway.js';`],
    ['src/core/x.ts', `import { decode } from '../wire/packet.js';`],
    ['lab/x.ts', `import { runGateway } from '../src/daemon/gateway.js';`],
  ])('lets %s be: %s', (path, text) => {
    expect(arrowViolations(bad(path, text))).toEqual([]);
  });

  it.each([
    `import { readFileSync } from 'node:fs';`,
    `import koffi from 'koffi';`,
    'const now = Date.now();',
    'const now = new Date();',
    'const now = performance.now();',
    'const luck = Math.random();',
    'setTimeout(() => {}, 1);',
    'const b = Buffer.from([1]);',
    'if (process.env.X) {}',
    'console.log(1);',
  ])('sees impurity: %s', (text) => {
    expect(purityViolations(bad('src/core/x.ts', text)).length).toBeGreaterThan(0);
    expect(purityViolations(bad('src/daemon/x.ts', text))).toEqual([]);
  });

  it.each([
    'void this.save();',
    '  void this.enqueue(async () => {',
    'if (x) void work();',
    'const f = () => void save();',
    'setTimeout(async () => {',
    "socket.on('data', async (chunk) => {",
  ])('sees work that nobody waits for: %s', (text) => {
    expect(promiseViolations(bad('src/daemon/x.ts', text))).toHaveLength(1);
  });

  it.each([
    'save(): void {',
    'let f: (() => void) | null = null;',
    'type F = (a: number) => void;',
    'f: void | number,',
  ])('lets types be: %s', (text) => {
    expect(promiseViolations(bad('src/daemon/x.ts', text))).toEqual([]);
  });

  it('does not take words for deeds', () => {
    const text = `// Date.now() and process\nconst word = 'console';\nconst preprocess = 1;`;
    expect(purityViolations(bad('src/core/x.ts', text))).toEqual([]);
  });

  it('sees packages out of place, bare errors, long files and files without a word', () => {
    expect(ownerViolations(bad('src/kernel/x.ts', `import koffi from 'koffi';`))).toHaveLength(1);
    expect(ownerViolations(bad('lab/x.ts', `import koffi from 'koffi';`))).toHaveLength(1);
    expect(ownerViolations(bad('src/kernel/ffi.ts', `import koffi from 'koffi';`))).toEqual([]);
    expect(styleViolations(bad('src/core/x.ts', `throw new Error('no');`))).toHaveLength(1);
    expect(styleViolations(bad('src/core/x.ts', '\n'.repeat(400)))).toHaveLength(1);
    expect(styleViolations(bad('test/unit/x.test.ts', '\n'.repeat(500)))).toEqual([]);
    expect(styleViolations([sourceFile('src/core/x.ts', `import 'y';`)])).toHaveLength(1);
    expect(folderViolations([sourceFile('src/core/x.ts', `import 'y';`)])).toHaveLength(1);
  });

  it('sees circles, through types only when asked', () => {
    const a = sourceFile('src/a/a.ts', `import { b } from './b.js';`);
    const b = sourceFile('src/a/b.ts', `import { c } from './c.js';`);
    const c = sourceFile('src/a/c.ts', `import type { A } from './a.js';`);
    const d = sourceFile('src/a/d.ts', `import { type A, a } from './a.js';`);
    expect(cycles([a, b, c, d], false)).toEqual([]);
    expect(cycles([a, b, c, d], true)).toEqual([['src/a/a.ts', 'src/a/b.ts', 'src/a/c.ts']]);
    const closed = sourceFile('src/a/c.ts', `import { type A, a } from './a.js';`);
    expect(cycles([a, b, closed], false)).toHaveLength(1);
  });
});
