/** Active checks: periodic questions that a route sends out itself, all targets at once, until one answers or time is up. */
import { type AddressWords, formatEndpoint, parseAddress } from '../../model/address.js';
import type { CheckConfig, CheckTarget } from '../../model/config.js';
import { askDns, askPing, type Cancel, failed, type Outcome } from './datagram.js';
import type { CheckedRoute } from './route-socket.js';
import { askHttp, askTcp } from './stream.js';

/** What came of one round. */
export interface CheckRound {
  readonly answered: boolean;
  /** From the question to the answer, HTTP with its handshake; null without an answer. */
  readonly rttMicros: number | null;
  /** Who answered, as `describeTarget` writes it. */
  readonly target: string | null;
  /** Something has answered, and not as the check expects: a portal, say. */
  readonly isOther: boolean;
}

const NO_ANSWER: CheckRound = { answered: false, rttMicros: null, target: null, isOther: false };

/**
 * Begins now and goes on until `close`: a round ends with the first answer, with the failure of every question, or with the time-out; the
 * next begins an interval after it began, or at its end if that is later. After `close` nothing is told and nothing is left open.
 */
export function startCheck(
  route: CheckedRoute,
  check: CheckConfig,
  onRound: (result: CheckRound) => void,
): { close(): void } {
  let timer: NodeJS.Timeout;
  let endRound: (() => void) | null = null;
  const begin = (): void => {
    const begun = performance.now();
    endRound = runRound(route, check, (result) => {
      endRound = null;
      timer = setTimeout(begin, Math.max(0, check.intervalMs - (performance.now() - begun)));
      onRound(result);
    });
  };
  timer = setTimeout(begin, 0);
  return {
    close(): void {
      clearTimeout(timer);
      endRound?.();
      endRound = null;
    },
  };
}

/** One round. */
export function checkOnce(route: CheckedRoute, check: CheckConfig): Promise<CheckRound> {
  return new Promise((resolve) => {
    runRound(route, check, resolve);
  });
}

/** Runs one round; calls `onEnd` once, never before it has returned. The result cancels it. */
function runRound(route: CheckedRoute, check: CheckConfig, onEnd: (result: CheckRound) => void): () => void {
  const begun = performance.now();
  let waiting = check.targets.length;
  let isOther = false;
  let cancels: readonly Cancel[] = [];
  const cancel = (): void => {
    clearTimeout(timer);
    for (const one of cancels) one();
    cancels = [];
  };
  const end = (result: CheckRound): void => {
    cancel();
    onEnd(result);
  };
  const timer = setTimeout(() => end({ ...NO_ANSWER, isOther }), check.timeoutMs);
  cancels = check.targets.map((target) =>
    ask(route, target, (answered, otherwise = false) => {
      waiting--;
      isOther ||= otherwise;
      if (answered) {
        const rttMicros = Math.max(1, Math.round((performance.now() - begun) * 1000));
        end({ answered: true, rttMicros, target: describeTarget(target), isOther });
      } else if (waiting === 0) end({ ...NO_ANSWER, isOther });
    }),
  );
  return cancel;
}

function ask(route: CheckedRoute, target: CheckTarget, done: Outcome): Cancel {
  const address = parseAddress(target.address);
  if (address === null) return failed(done);
  switch (target.kind) {
    case 'ping':
      return askPing(route, address, done);
    case 'dns':
      return askDns(route, address, target.port, target.name, done);
    case 'tcp':
      return askTcp(route, address, target.port, done);
    case 'http':
      return askHttp(route, address, target, done);
  }
}

/** `ping 192.0.2.1`, `tcp 192.0.2.1:443`, `dns 192.0.2.1`, `http 192.0.2.1:80 host/path`. */
function describeTarget(target: CheckTarget): string {
  const endpoint = (port: number): string => {
    const words: AddressWords | null = parseAddress(target.address);
    return words === null ? target.address : formatEndpoint(words, 0, port);
  };
  switch (target.kind) {
    case 'ping':
      return `ping ${target.address}`;
    case 'tcp':
      return `tcp ${endpoint(target.port)}`;
    case 'dns':
      return target.port === 53 ? `dns ${target.address}` : `dns ${endpoint(target.port)}`;
    case 'http':
      return `http ${endpoint(target.port)} ${target.host}${target.path}`;
  }
}
