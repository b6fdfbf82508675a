import { describe, expect, it } from 'vitest';
import { renderProbes, runDoctor } from '../../src/cli/doctor.js';
import { parseConfig } from '../../src/config/load.js';
import { probeFeatures } from '../../src/kernel/features.js';
import type { Probe } from '../../src/model/probe.js';
import { createLog } from '../../src/observe/log.js';

const CONFIG = 'lan: lo\nroutes: { a: { interface: x1 }, b: { interface: x2 } }\nrest: { route: a }\n';

const plain = (_: string, text: string) => text;

function probe(name: string, ok: boolean, severity: Probe['severity']): Probe {
  return { name, ok, severity, found: 'this', expected: 'that', remedy: 'Do it.' };
}

describe('doctor', () => {
  it('shows what is wrong and what to do', () => {
    const probes = [
      probe('a', true, 'required'),
      probe('b', false, 'required'),
      probe('long', false, 'info'),
    ];
    expect(renderProbes(probes, plain)).toBe(`ok               a     this
FAIL             b     this; wanted: that
gateway sets it  long  this; wanted: that

b: Do it.

A gateway cannot run here: 1 required line is not ok.
`);
    expect(renderProbes([probe('a', true, 'required')], plain)).toContain('A gateway can run here.');
  });

  it('probes without throwing, whatever the privileges, and names each probe once', async () => {
    const config = parseConfig(CONFIG, 'f');
    const probes = await probeFeatures({ config, interfaces: ['lo', 'no-such-if'] });
    expect(new Set(probes.map(({ name }) => name)).size).toBe(probes.length);
    const found = (name: string) => probes.find((one) => one.name === name);
    expect(found('node')?.ok).toBe(true);
    expect(found('interface lo')?.ok).toBe(true);
    expect(found('interface no-such-if')).toMatchObject({ ok: false, severity: 'recommended' });
    expect(found('queueing')).toBeDefined();
    for (const one of probes) {
      expect([one.found, one.expected, one.remedy].every((text) => text !== '')).toBe(true);
    }
  });

  it('prints JSON whose ok is its exit code', async () => {
    let out = '';
    const write = (text: string) => {
      out += text;
    };
    const code = await runDoctor(undefined, true, { stdout: { write }, stderr: { write }, env: {} });
    const { ok, probes } = JSON.parse(out) as { ok: boolean; probes: Probe[] };
    expect(code).toBe(ok ? 0 : 1);
    expect(ok).toBe(probes.every((one) => one.ok || one.severity !== 'required'));
  });
});

describe('the log', () => {
  function lines(readable: boolean, level: 'info' | 'debug' = 'debug') {
    const written: string[] = [];
    const log = createLog({ level, readable, write: (line) => void written.push(line) });
    return { log, written };
  }

  it('writes JSON lines', () => {
    const { log, written } = lines(false);
    log.info({ route: 'a', reason: 'no-carrier' }, 'route is down');
    const { time, ...rest } = JSON.parse(written[0]);
    expect(rest).toEqual({ level: 'info', route: 'a', reason: 'no-carrier', msg: 'route is down' });
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(written[0].endsWith('}\n')).toBe(true);
  });

  it('writes readable lines that cannot steer a terminal', () => {
    const { log, written } = lines(true);
    log.warn({ route: 'a', why: '\x1b[2J x' }, 'bad\x1b[2J news');
    expect(written[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}bad \[2J news {2}route=a {2}why="\\u001b\[2J x"\n$/,
    );
  });

  it('keeps addresses and names out of everything above debug', () => {
    const { log, written } = lines(false);
    const fields = { client: '192.0.2.1', destination: '198.51.100.7', reason: 'x' };
    log.info(fields, 'm');
    log.error(fields, 'm');
    log.debug(fields, 'm');
    expect(written.map((line) => line.includes('192.0.2.1'))).toEqual([false, false, true]);
    expect(written.every((line) => line.includes('"reason":"x"'))).toBe(true);
    expect(fields.client).toBe('192.0.2.1');
  });

  it('obeys the level', () => {
    const { log, written } = lines(false, 'info');
    log.debug('no');
    log.info('yes');
    expect(written).toHaveLength(1);
  });
});
