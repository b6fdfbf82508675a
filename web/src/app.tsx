/** The frame: which view, who looks, whether what is seen is of now. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { formatDuration } from '../../src/api/words/numbers.js';
import { Help } from './parts/help.js';
import { type IconName, Picture } from './parts/icons.js';
import { listenForKeys } from './parts/keys.js';
import { Mark } from './parts/mark.js';
import { clockText, secondsSince } from './state/clock.js';
import { alarms, follow, stream } from './state/live.js';
import { place, VIEWS } from './state/routing.js';
import { logOut, lookAtSession, mayRead, session } from './state/session.js';
import { nextTheme, theme } from './state/theme.js';
import { Configuration } from './views/configuration/index.js';
import { Destinations } from './views/destinations.js';
import { Flows } from './views/flows.js';
import { Login } from './views/login.js';
import { Overview } from './views/overview/index.js';
import { RouteView } from './views/route-view.js';
import { Services } from './views/services.js';

export function App() {
  const isHelpOpen = useSignal(false);
  const isAllowed = mayRead.value;
  useEffect(() => {
    lookAtSession().catch(() => undefined);
    return listenForKeys(() => {
      isHelpOpen.value = true;
    });
  }, [isHelpOpen]);
  useEffect(() => (isAllowed ? follow() : undefined), [isAllowed]);
  if (session.value === null) return <p class="starting">Asking the gateway …</p>;
  if (!isAllowed) return <Login />;
  return (
    <div class={stream.value.kind === 'away' ? 'frame is-away' : 'frame'}>
      <button type="button" class="skip" onClick={skip}>
        To the content
      </button>
      <Header
        onHelp={() => {
          isHelpOpen.value = true;
        }}
      />
      <AwayBanner />
      <main id="content" tabIndex={-1}>
        <View />
      </main>
      {isHelpOpen.value && (
        <Help
          onClose={() => {
            isHelpOpen.value = false;
          }}
        />
      )}
    </div>
  );
}

/** A link would take the part behind `#`, which says the view. */
function skip(): void {
  document.getElementById('content')?.focus();
}

function View() {
  const { view, name } = place.value;
  useEffect(() => {
    const title = view === 'routes' ? name : VIEWS.find(({ path }) => path === view)?.name;
    document.title = title === undefined ? 'Pathrace' : `${title} · Pathrace`;
  }, [view, name]);
  switch (view) {
    case 'destinations':
      return <Destinations />;
    case 'flows':
      return <Flows />;
    case 'services':
      return <Services />;
    case 'configuration':
      return <Configuration />;
    case 'routes':
      return <RouteView key={name} name={name} />;
    default:
      return <Overview />;
  }
}

const THEMES = {
  auto: { icon: 'auto', words: 'as the system' },
  light: { icon: 'sun', words: 'light' },
  dark: { icon: 'moon', words: 'dark' },
} as const satisfies Readonly<Record<string, { icon: IconName; words: string }>>;

function Header({ onHelp }: { onHelp: () => void }) {
  const { view } = place.value;
  const { icon, words } = THEMES[theme.value];
  return (
    <header class="top">
      <a class="logo" href="#/">
        <Mark />
        Pathrace
      </a>
      <nav aria-label="Views">
        {VIEWS.map(({ path, name, key }) => (
          <a
            key={path}
            href={`#/${path}`}
            title={`key ${key}`}
            {...(path === view ? { 'aria-current': 'page' as const } : {})}
          >
            <Picture name={(path === '' ? 'overview' : path) as IconName} />
            <span>{name}</span>
            {path === '' && alarms.value.length > 0 && (
              <span class="count">
                {alarms.value.length}
                <span class="hidden"> alarms</span>
              </span>
            )}
          </a>
        ))}
      </nav>
      <div class="top-right">
        <StreamChip />
        <button type="button" class="quiet" onClick={nextTheme} title="Light or dark (t)">
          <Picture name={icon} />
          <span class="hidden">Colours: {words}</span>
        </button>
        <button type="button" class="quiet help-button" onClick={onHelp} title="Keys (?)">
          <Picture name="help" />
          <span class="hidden">Keys</span>
        </button>
        <Who />
      </div>
    </header>
  );
}

function Who() {
  const now = session.value;
  if (now === null || now.until === null) return null;
  return (
    <button
      type="button"
      class="quiet who"
      title={`${now.name ?? ''}, may ${now.role}: log out`}
      onClick={() => {
        logOut().catch(() => undefined);
      }}
    >
      <span class="clip">{now.name}</span>
      <Picture name="out" />
      <span class="hidden">Log out</span>
    </button>
  );
}

function StreamChip() {
  const now = stream.value;
  const words = { waiting: 'asking', open: 'live', away: 'away' }[now.kind];
  return (
    <span class={`chip is-${now.kind}`} role="status">
      <span class="dot" aria-hidden="true" />
      {words}
    </span>
  );
}

function AwayBanner() {
  const now = stream.value;
  if (now.kind !== 'away') return null;
  return (
    <div class="banner" role="alert">
      <Picture name="warn" />
      <p>
        <strong>The gateway has not answered since {clockText(now.since)}</strong>{' '}
        <span aria-hidden="true">({formatDuration(secondsSince(now.since))})</span>. What you see is of then.
        Connections go on by the kernel alone; this page takes up again by itself.
      </p>
    </div>
  );
}
