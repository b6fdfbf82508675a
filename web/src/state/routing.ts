/** Views by the part of the address behind `#`: `#/flows?route=fiber`. */
import { computed, signal } from '@preact/signals';

export const VIEWS = [
  { path: '', name: 'Overview', key: '1' },
  { path: 'destinations', name: 'Destinations', key: '2' },
  { path: 'flows', name: 'Flows', key: '3' },
  { path: 'services', name: 'Services', key: '4' },
  { path: 'configuration', name: 'Configuration', key: '5' },
] as const;

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

export const place = computed(() => {
  const [path, query = ''] = hash.value.replace(/^#\/?/, '').split('?');
  const [view = '', ...rest] = path.split('/');
  return { view, name: decode(rest.join('/')), query: Object.fromEntries(new URLSearchParams(query)) };
});

export function hrefTo(path: string, query: Readonly<Record<string, string>> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  return `#/${path}${given.length === 0 ? '' : `?${new URLSearchParams(given)}`}`;
}

export function goTo(path: string, query: Readonly<Record<string, string>> = {}): void {
  location.hash = hrefTo(path, query);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
