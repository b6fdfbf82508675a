/** Single keys, where nobody is typing. */
import { isPaused } from '../state/races.js';
import { goTo, VIEWS } from '../state/routing.js';
import { nextTheme } from '../state/theme.js';

/** Until the returned function is called. */
export function listenForKeys(openHelp: () => void): () => void {
  const listen = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const view = VIEWS.find(({ key }) => key === event.key);
    if (view !== undefined) goTo(view.path);
    else if (event.key === '?') openHelp();
    else if (event.key === 't') nextTheme();
    else if (event.key === 'p') isPaused.value = !isPaused.value;
    else if (event.key === '/') focusFirst();
    else return;
    event.preventDefault();
  };
  addEventListener('keydown', listen);
  return () => removeEventListener('keydown', listen);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, textarea, select, dialog') !== null;
}

function focusFirst(): void {
  document.querySelector<HTMLElement>('[data-search]')?.focus();
}
