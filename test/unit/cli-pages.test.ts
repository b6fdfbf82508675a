/** Pages for people: none is wider than a terminal, and `--watch` leaves that as it was. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControlBackend } from '../../src/api/contract.js';
import { startControl } from '../../src/api/server.js';
import { renderProbes } from '../../src/cli/doctor.js';
import { renderMemory } from '../../src/cli/memory.js';
import { renderRoutes } from '../../src/cli/routes.js';
import { renderServices } from '../../src/cli/services.js';
import { renderStatus } from '../../src/cli/status.js';
import { formatAge, formatLocal, formatTally } from '../../src/cli/style.js';
import { NARROW, WIDE } from '../../src/cli/table.js';
import { renderTop } from '../../src/cli/top/page.js';
import { ratesOf } from '../../src/cli/top/sample.js';
import { renderWhy } from '../../src/cli/why.js';
import { alignColumns, shortened, wrapped } from '../../src/model/columns.js';
import { PathraceError } from '../../src/model/errors.js';
import {
  longName,
  plain,
  runCommand,
  WORST_DECISION,
  WORST_MEMORY,
  WORST_SERVICE,
  WORST_STATUS,
} from './cli-tools.js';

const NOW = Date.parse('2024-03-01T12:00:00.000Z');
const PROBE = {
  name: `path of route ${longName(1)}`,
  ok: false,
  severity: 'required',
  found: `${longName(1)} ${longName(2)} ${longName(3)}`,
  expected: 'x'.repeat(200),
  remedy: 'Do this and that, and then look again at what it says, and again, and once more after that.',
} as const;
const page = { within: null, limit: 1 };

/** Every printer of a page with the worst that it can be given. */
const PRINTERS: Readonly<Record<string, (width: number) => string>> = {
  status: (width) => renderStatus(WORST_STATUS, plain, width),
  routes: (width) => renderRoutes(WORST_STATUS.routes, NOW, plain, width),
  memory: (width) => renderMemory([WORST_MEMORY], page, plain, width),
  'memory of few routes': (width) =>
    renderMemory(
      [{ ...WORST_MEMORY, routes: { a: { rttMicros: 1, ageSeconds: 1, answer: 'answered' } } }],
      page,
      plain,
      width,
    ),
  why: (width) => renderWhy(WORST_DECISION.destination, [WORST_DECISION], plain, { width }),
  'why of nothing': (width) => renderWhy(WORST_DECISION.destination, [], plain, { width }),
  'why of what went nowhere': (width) =>
    renderWhy('x', [{ ...WORST_DECISION, route: null, by: 'kernel' }], plain, { width }),
  top: (width) => {
    const look = { atMs: 2000, status: WORST_STATUS, decisions: [WORST_DECISION, WORST_DECISION] };
    const page = { order: 'c', reverse: true, rows: 100, hasKeys: true };
    return renderTop(look, ratesOf({ ...look, atMs: 1000 }, look), page, plain, width);
  },
  services: (width) => renderServices([WORST_SERVICE, { ...WORST_SERVICE, name: 'b' }], plain, width),
  'services of none': (width) => renderServices([], plain, width),
  doctor: (width) => renderProbes([PROBE, { ...PROBE, ok: true, name: 'b' }], plain, width),
};

describe.each(Object.entries(PRINTERS))('the page of %s', (_, print) => {
  it('has no line of more than 80 characters', () => {
    const long = print(NARROW)
      .split('\n')
      .filter((line) => line.length > NARROW);
    expect(long).toEqual([]);
  });

  it('has whole names and figures with --wide', () => {
    expect(print(WIDE)).not.toContain('…');
  });
});

describe('a page', () => {
  it('tells long names apart by both of their ends', () => {
    const names = renderRoutes(WORST_STATUS.routes, NOW, plain).match(/^uplink\S*…\S*/gm) ?? [];
    expect(new Set(names).size).toBe(16);
  });

  it('keeps columns aligned whatever their names', () => {
    const rows = WORST_STATUS.routes.map(({ name, state }) => [
      { text: name },
      { text: state },
      { text: '1' },
    ]);
    for (const width of [20, 40, 80, WIDE]) {
      const columns = [{ title: '', shrink: 4 }, { title: '' }, { title: '', align: 'right' as const }];
      const lines = alignColumns(columns, [[{ text: 'N' }, { text: 'S' }, { text: 'COUNT' }], ...rows], {
        width,
      });
      const lengths = lines.map((line) => line.reduce((sum, { text }) => sum + text.length, 0));
      expect(new Set(lengths).size).toBe(1);
      expect(lengths[0]).toBeLessThanOrEqual(Math.max(width, 4 + 2 + 8 + 2 + 5));
    }
  });

  it.each([
    ['a short one', 20, 0, ['a short one']],
    ['three words here', 11, 2, ['three words', '  here']],
    ['  kept indent of the first', 10, 4, ['  kept', '    indent', '    of the', '    first']],
    ['abcdefghij', 4, 1, ['abcd', ' efg', ' hij']],
    ['', 10, 2, ['']],
  ])('wraps %j at %i', (text, width, indent, lines) => {
    expect(wrapped(text, width, indent)).toEqual(lines);
  });

  it('shortens in the middle', () => {
    expect(
      ['abcdefgh', 'abcdefgh', 'abcdefgh', 'ab'].map((text, at) => shortened(text, [8, 5, 1, 5][at]!)),
    ).toEqual(['abcdefgh', 'ab…gh', 'a', 'ab']);
  });

  it('has short figures, and times with their zone', () => {
    expect([0, 999_999, 1_234_567, 45.6e9].map(formatTally)).toEqual(['0', '999 999', '1.23 M', '45.6 G']);
    expect([0, 59, 3599, 90_000].map(formatAge)).toEqual(['0 s', '59 s', '59 min', '1 d']);
    const zone = process.env.TZ;
    try {
      const date = new Date('2024-03-01T02:59:07.123Z');
      const at = (name: string): string => {
        process.env.TZ = name;
        return formatLocal(date);
      };
      expect(['UTC', 'Europe/Berlin', 'America/St_Johns'].map(at)).toEqual([
        '2024-03-01 02:59:07.123 UTC',
        '2024-03-01 03:59:07.123 +01:00',
        '2024-02-29 23:29:07.123 -03:30',
      ]);
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });
});

describe('--watch', () => {
  let folder: string;
  let control: string;
  let asked = 0;
  let fails = false;
  let close: () => Promise<void>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pathrace-watch-'));
    control = join(folder, 'control.sock');
    const status: ControlBackend['status'] = async () => {
      asked++;
      if (fails && asked === 2) throw new PathraceError('E_CONTROL_BUSY', 'The gateway is still starting.');
      return WORST_STATUS;
    };
    const routes: ControlBackend['routes'] = async () => (await status()).routes;
    const started = await startControl(control, { status, routes } as ControlBackend);
    close = () => started.close();
  });

  afterAll(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Watches until `frames` have been asked for, then presses Ctrl-C. */
  async function watch(frames: number, args: readonly string[], isTTY: boolean, env = {}) {
    asked = 0;
    const interrupted = async (): Promise<void> => {
      while (asked < frames) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 30));
    };
    return runCommand([...args, '--control', control], env, { isTTY, interrupted, rows: 12 });
  }

  it('draws in one place on a terminal, no more than there is room for, and leaves it as it was', async () => {
    const { code, out, err } = await watch(3, ['status', '--watch', '0.1'], true, { NO_COLOR: '1' });
    expect([code, err]).toEqual([0, '']);
    expect(out.startsWith('\x1b[?25l\x1b[?7l\x1b[2J')).toBe(true);
    expect(out.endsWith('\x1b[?7h\x1b[?25h')).toBe(true);
    const frames = out.split('\x1b[H').slice(1);
    expect(frames.length).toBeGreaterThanOrEqual(3);
    for (const frame of frames) expect(frame.split('\n').length).toBeLessThanOrEqual(12);
  });

  it.each(['status', 'routes'])('%s prints pages without any escape code elsewhere', async (command) => {
    const { code, out } = await watch(3, [command, '--watch', '0.1'], false);
    expect(code).toBe(0);
    expect(out).not.toContain('\x1b');
    expect(out.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /gm)?.length).toBeGreaterThanOrEqual(3);
  });

  it('prints a document a line with --json', async () => {
    const { out } = await watch(3, ['routes', '--watch', '0.1', '--json'], false);
    const documents = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(documents.length).toBeGreaterThanOrEqual(3);
    for (const document of documents)
      expect(document).toMatchObject({ format: 1, ok: true, routes: expect.any(Array) });
  });

  it('goes on when the gateway is away for a moment', async () => {
    fails = true;
    const { code, out } = await watch(3, ['routes', '--watch', '0.1'], false);
    fails = false;
    expect(code).toBe(0);
    expect(out).toMatch(/ROUTE .*E_CONTROL_BUSY.*ROUTE /s);
  });

  it.each(['0', '0.05', '3601', 'x', '1e3', '-1'])('does not take a period of %s', async (period) => {
    expect((await runCommand(['status', '--watch', period, '--control', control])).code).toBe(2);
  });
});
