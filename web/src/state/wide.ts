/** Whether there is room for two tables side by side. */
import { signal } from '@preact/signals';

const query = matchMedia('(min-width: 75rem)');

export const isWide = signal(query.matches);
query.addEventListener('change', ({ matches }) => {
  isWide.value = matches;
});
