/** Light or dark: as the system says, unless somebody has said otherwise here. Nothing else is kept in the browser. */
import { signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'pathrace-theme';
const ORDER: readonly Theme[] = ['auto', 'light', 'dark'];

export const theme = signal<Theme>(kept());

/** Counts changes of what is seen, for what reads its colours once. */
export const paletteVersion = signal(0);

theme.subscribe((value) => {
  if (value === 'auto') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.dataset.theme = value;
  paletteVersion.value++;
  try {
    if (value === 'auto') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    // A browser that keeps nothing.
  }
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  paletteVersion.value++;
});

export function nextTheme(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length];
}

function kept(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return ORDER.find((one) => one === value) ?? 'auto';
  } catch {
    return 'auto';
  }
}
