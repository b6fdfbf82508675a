/** A session of the page: a cookie in place of a token, for what cannot send one (EventSource). */
import { z } from 'zod';
import { said, text } from './common.js';

export const ROLES = ['read', 'operate'] as const;

/** A token is some 60 characters long; nobody sends more. */
export const MAX_TOKEN_TEXT = 128;

export const SessionOrder = z
  .strictObject({ token: said(z.string().min(1).max(MAX_TOKEN_TEXT), 'The token.') })
  .meta({ id: 'SessionOrder' });

export const Session = z
  .object({
    role: said(z.enum(ROLES).nullable(), 'What whoever asks may do; null: nothing without a token.'),
    name: said(z.string().nullable(), 'Name of the token; null: none was needed.'),
    until: said(z.string().nullable(), 'When the session ends. ISO 8601, UTC; null: there is none.'),
    csrf: text(
      'What every request of this session that changes something has to send as `X-Pathrace-CSRF`; absent without a session.',
    ).exactOptional(),
  })
  .meta({ id: 'Session' });
