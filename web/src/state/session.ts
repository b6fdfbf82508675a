/** Who looks at the page, and what they may do. The token itself is kept nowhere: the daemon sets a cookie that the page cannot read. */
import { computed, signal } from '@preact/signals';
import type { Session } from '../../../src/api/contract.js';
import { api, codeOf } from './api.js';

/** null: not known yet. */
export const session = signal<Session | null>(null);

export const mayRead = computed(() => session.value !== null && session.value.role !== null);
export const mayOperate = computed(() => session.value?.role === 'operate');

/** Asks the daemon; keeps what was known while it does not answer. */
export async function lookAtSession(): Promise<void> {
  try {
    session.value = await api.call('GET /v1/session');
  } catch (error) {
    if (codeOf(error) !== 'E_CONTROL_UNREACHABLE') session.value = NOBODY;
    else if (session.value === null) setTimeout(() => lookAtSession().catch(() => undefined), RETRY_MS);
  }
}

const RETRY_MS = 1000;
const NOBODY: Session = { role: null, name: null, until: null };

/** Rejects with what the daemon says about the token. */
export async function logIn(token: string): Promise<void> {
  session.value = await api.call('POST /v1/session', { body: { token } });
}

export async function logOut(): Promise<void> {
  await api.call('DELETE /v1/session').catch(() => undefined);
  api.csrf = null;
  await lookAtSession();
}
