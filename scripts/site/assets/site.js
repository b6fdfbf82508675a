// Theme, menu and search. Nothing is asked of any other host.
const root = document.documentElement;
const themeButton = document.getElementById('theme');
const menuButton = document.getElementById('menu');
const form = document.getElementById('search');
const words = document.getElementById('words');
const found = document.getElementById('found');
const base = document.body.dataset.root;

const isDark = () => (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
const nameTheme = () => {
  themeButton.textContent = isDark() ? 'Light' : 'Dark';
};
nameTheme();
themeButton.addEventListener('click', () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  try {
    localStorage.setItem('theme', root.dataset.theme);
  } catch {
    // It holds for this page.
  }
  nameTheme();
});

menuButton.addEventListener('click', () => {
  const isOpen = document.body.classList.toggle('menu');
  menuButton.setAttribute('aria-expanded', String(isOpen));
});

let index;
/** A script and no request, so that it also works from a disk. */
const load = () =>
  (index ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = `${base}search-index.js`;
    script.onload = () =>
      resolve(globalThis.MiniSearch.loadJSON(globalThis.SEARCH_INDEX, { fields: ['heading', 'page', 'text'], storeFields: ['heading', 'page', 'href'] }));
    script.onerror = reject;
    document.head.append(script);
  }));

const MOST = 12;
const show = async () => {
  const text = words.value.trim();
  if (text.length < 2) {
    found.hidden = true;
    return;
  }
  const search = await load();
  if (text !== words.value.trim()) return;
  const results = search.search(text, { prefix: true, fuzzy: 0.15, boost: { heading: 4, page: 2 }, combineWith: 'AND' });
  const list = document.createElement('ol');
  for (const { heading, page, href } of results.slice(0, MOST)) {
    const link = document.createElement('a');
    link.href = base + href;
    link.textContent = heading;
    const where = document.createElement('span');
    where.textContent = page;
    const item = document.createElement('li');
    item.append(link, ' ', where);
    list.append(item);
  }
  found.replaceChildren(results.length === 0 ? 'Nothing was found.' : list);
  found.hidden = false;
};
words.addEventListener('input', show);
words.addEventListener('focus', () => load());
form.addEventListener('submit', (event) => {
  event.preventDefault();
  found.querySelector('a')?.click();
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') found.hidden = true;
  if (event.key !== '/' || /^(input|textarea)$/i.test(document.activeElement?.tagName ?? '')) return;
  event.preventDefault();
  words.focus();
});
