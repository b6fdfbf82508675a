/** Sessions of browsers. */
import { z } from 'zod';
import { Session, SessionOrder } from '../schemas/session.js';
import { endpoints } from './endpoint.js';

const nothing = z.strictObject({});

export const SESSION_ENDPOINTS = endpoints({
  'GET /v1/session': {
    id: 'session',
    tag: 'session',
    summary: 'What whoever asks may do, and until when.',
    role: 'anyone',
    query: nothing,
    answer: Session,
  },
  'POST /v1/session': {
    id: 'logIn',
    tag: 'session',
    summary: 'Begins a session with a token.',
    description:
      'The answer sets a cookie (HttpOnly, SameSite=Strict) that stands for the token, for at most an hour after the last request. What such a session changes needs `X-Pathrace-CSRF` with the `csrf` of this answer.',
    role: 'anyone',
    query: nothing,
    body: { media: 'application/json', schema: SessionOrder },
    answer: Session,
    problems: [401, 429],
  },
  'DELETE /v1/session': {
    id: 'logOut',
    tag: 'session',
    summary: 'Ends the session.',
    role: 'anyone',
    query: nothing,
    answer: Session,
  },
});
