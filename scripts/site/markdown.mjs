// What Markdown becomes: anchors as Git hosts make them, links to pages of the site, tables that scroll by themselves.

/** As Git hosts do it, so that links to headings work in both. */
export function slugOf(text) {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

/** `isExpected`: of a page that has a place in the navigation and is not written yet; a link to it is its text. */
export function extend(markdown, { placeOf, resolve, isPage, isFile, isExpected }) {
  markdown.set({ html: false, linkify: false, typographer: false });
  markdown.core.ruler.push('anchors', (state) => {
    const seen = new Map();
    state.tokens.forEach((token, at) => {
      if (token.type !== 'heading_open') return;
      const text = state.tokens[at + 1].children
        .filter(({ type }) => type === 'text' || type === 'code_inline')
        .map(({ content }) => content)
        .join('');
      const slug = slugOf(text);
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      token.attrSet('id', count === 0 ? slug : `${slug}-${count}`);
    });
  });
  markdown.core.ruler.push('links', (state) => {
    const from = state.env.source;
    for (const { children } of state.tokens) {
      let isText = false;
      for (const token of children ?? []) {
        if (token.type === 'link_close' && isText) {
          token.tag = 'span';
          isText = false;
        }
        if (token.type !== 'link_open' && token.type !== 'image') continue;
        const name = token.type === 'image' ? 'src' : 'href';
        const target = token.attrGet(name);
        if (/^([a-z]+:|#)/i.test(target)) continue;
        const [path, anchor] = target.split('#');
        const found = resolve(from, path);
        const suffix = anchor === undefined ? '' : `#${anchor}`;
        if (isPage(found)) token.attrSet(name, relative(placeOf(from), placeOf(found)) + suffix);
        else if (isFile(found)) token.attrSet(name, relative(placeOf(from), found));
        else if (isExpected(found)) {
          token.tag = 'span';
          token.attrs = [];
          isText = true;
        }
        // The check of links says so.
        else token.attrSet(name, `missing:${found}`);
      }
    }
  });
  const wrap = (name, html) => {
    markdown.renderer.rules[name] = () => html;
  };
  wrap('table_open', '<div class="table" tabindex="0"><table>\n');
  wrap('table_close', '</table></div>\n');
}

function relative(from, to) {
  const [source, target] = [from.split('/').slice(0, -1), to.split('/')];
  while (source.length > 0 && source[0] === target[0]) {
    source.shift();
    target.shift();
  }
  return [...source.map(() => '..'), ...target].join('/');
}
