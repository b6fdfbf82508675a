import { describe, expect, it } from 'vitest';
import { IGNORED_SIGNALS, Signals } from '../../src/cli/signals.js';

function made(): { signals: Signals; send: (signal: NodeJS.Signals) => void; taken: () => string[] } {
  const actions = new Map<string, () => void>();
  const signals = new Signals((signal, action) => actions.set(signal, action));
  return { signals, send: (signal) => actions.get(signal)?.(), taken: () => [...actions.keys()] };
}

describe('signals', () => {
  it('takes every one that would end the process, SIGUSR1 among them', () => {
    const { taken } = made();
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', ...IGNORED_SIGNALS])
      expect(taken()).toContain(signal);
  });

  it('resolves with the first that ends; only SIGQUIT alone keeps the kernel’s state', async () => {
    const { signals, send } = made();
    send('SIGUSR1');
    expect([signals.hasEnded, signals.keeps]).toEqual([false, true]);
    send('SIGQUIT');
    expect(await signals.ended).toBe('SIGQUIT');
    expect([signals.hasEnded, signals.keeps]).toEqual([true, true]);
    send('SIGTERM');
    expect(await signals.ended).toBe('SIGQUIT');
    expect(signals.keeps).toBe(false);
    send('SIGQUIT');
    expect(signals.keeps).toBe(false);
  });

  it('does a reload that was asked for too early once, when it can', () => {
    const { signals, send } = made();
    let reloads = 0;
    send('SIGHUP');
    send('SIGHUP');
    signals.onReload(() => reloads++);
    expect(reloads).toBe(1);
    send('SIGHUP');
    expect(reloads).toBe(2);
  });
});
