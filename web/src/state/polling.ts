/** Answers that are asked for again and again while somebody looks at them. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { codeOf, errorText } from './api.js';
import { stream } from './live.js';
import { lookAtSession } from './session.js';

export interface Polled<T> {
  readonly value: T | null;
  /** Of the last question; null: it was answered. */
  readonly error: string | null;
  readonly isAsking: boolean;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
}

const NOTHING = { value: null, error: null, isAsking: true, askedAt: 0 } as const;

/** Asks at once, whenever `what` changes, every `everyMs` (0: not again), and when the gateway is back. */
export function usePolled<T>(what: string, ask: () => Promise<T>, everyMs: number): [Polled<T>, () => void] {
  const polled = useSignal<Polled<T>>(NOTHING);
  const again = useSignal(0);
  const isAway = stream.value.kind === 'away';
  const turn = again.value;
  // `what` says what `ask` asks; `turn` and `isAway` ask again.
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | null = null;
    const round = async (): Promise<void> => {
      if (!document.hidden) {
        polled.value = { ...polled.peek(), isAsking: true };
        try {
          const value = await ask();
          if (!isOver) polled.value = { value, error: null, isAsking: false, askedAt: Date.now() };
        } catch (error) {
          if (!isOver) polled.value = { ...polled.peek(), error: errorText(error), isAsking: false };
          if (codeOf(error) === 'E_UNAUTHENTICATED') lookAtSession().catch(() => undefined);
        }
      }
      if (!isOver && everyMs > 0) timer = setTimeout(() => round().catch(() => undefined), everyMs);
    };
    if (!isAway) round().catch(() => undefined);
    return () => {
      isOver = true;
      if (timer !== null) clearTimeout(timer);
    };
  }, [what, everyMs, turn, isAway]);
  return [
    polled.value,
    () => {
      again.value++;
    },
  ];
}
