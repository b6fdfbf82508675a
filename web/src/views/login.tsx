/** Asks for a token. It goes to the daemon and is kept nowhere here: the session is a cookie that the page cannot read. */
import { useSignal } from '@preact/signals';
import { Failure } from '../parts/empty.js';
import { Mark } from '../parts/mark.js';
import { errorText } from '../state/api.js';
import { logIn } from '../state/session.js';

export function Login() {
  const token = useSignal('');
  const error = useSignal<string | null>(null);
  const isAsking = useSignal(false);
  const enter = async (): Promise<void> => {
    isAsking.value = true;
    error.value = null;
    try {
      await logIn(token.value.trim());
    } catch (caught) {
      error.value = errorText(caught);
      token.value = '';
    } finally {
      isAsking.value = false;
    }
  };
  return (
    <main class="login">
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          enter().catch(() => undefined);
        }}
      >
        <h1 class="logo">
          <Mark />
          Pathrace
        </h1>
        <p>This gateway wants a token.</p>
        <label>
          Token
          <input
            type="password"
            name="token"
            required
            autocomplete="current-password"
            maxLength={128}
            value={token.value}
            onInput={({ currentTarget }) => {
              token.value = currentTarget.value;
            }}
          />
        </label>
        {error.value !== null && <Failure text={error.value} />}
        <button type="submit" class="primary" disabled={isAsking.value}>
          Enter
        </button>
        <p class="muted">
          <code>pathrace token add NAME --role read --tokens FILE</code> on the gateway makes one.
        </p>
      </form>
    </main>
  );
}
