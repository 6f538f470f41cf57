/** @file A job's events as they happen: streamed, resumed after a break, polled where no stream gets through. */

import { Problem, get, request } from './api.js';

/** @typedef {{id: number, created_at: string, type: string, run_id: string | null, data: any}} JobEvent */
/** @typedef {'live' | 'polling' | 'disconnected' | 'paused' | 'over'} Link */

const LAST = ['job.succeeded', 'job.failed', 'job.cancelled'];
const RETRY = { least: 500, most: 10_000 };
const POLL = 1000;
/** Without a byte for so long (the service sends a comment every 15 s) a stream counts as dead. */
const SILENCE = 40_000;
/** So many streams in a row that bring nothing, and the events are polled for. */
const FRUITLESS = 3;

/** @param {number} milliseconds @param {AbortSignal} signal */
const pause = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(null); }, { once: true });
  });

/**
 * Follows a job from the event after `after` until its last. While nobody looks at the page there is no
 * connection (a browser has but six for all its pages of one service); it resumes where it left off.
 *
 * A stream is read by `fetch`, not by EventSource, which could not send a key.
 * @param {string} jobId
 * @param {number} after
 * @param {(events: JobEvent[]) => void} onEvents in order, each once
 * @param {(link: Link) => void} onLink
 * @returns {() => void} stops it
 */
export function follow(jobId, after, onEvents, onLink) {
  let seen = after, stopped = false, failures = 0, fruitless = 0;
  let attempt = new AbortController();

  /** @param {JobEvent[]} events @returns {boolean} whether the job's last event is among them */
  const take = (events) => {
    const fresh = events.filter((event) => event.id > seen);
    if (fresh.length) {
      seen = fresh[fresh.length - 1].id;
      failures = fruitless = 0;
      onEvents(fresh);
    }
    return fresh.some((event) => LAST.includes(event.type));
  };

  const stream = async () => {
    const own = attempt;
    const headers = { Accept: 'text/event-stream', 'Last-Event-ID': String(seen) };
    const answer = await request(`/v1/jobs/${jobId}/events`, { headers, signal: own.signal, cache: 'no-store' });
    onLink('live');
    const reader = /** @type {ReadableStream} */ (answer.body).pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ''; ;) {
      const silence = setTimeout(() => own.abort(), SILENCE);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return false;
      const blocks = (rest + value).split('\n\n');
      rest = /** @type {string} */ (blocks.pop());
      const data = blocks.flatMap((block) => block.split('\n')).filter((line) => line.startsWith('data:'));
      if (take(data.map((line) => JSON.parse(line.slice(5))))) return true;
    }
  };

  const poll = async () => {
    onLink('polling');
    for (;;) {
      const page = await get(`/v1/jobs/${jobId}/events`, { after: seen, limit: 1000 }, attempt.signal);
      if (take(page.data)) return true;
      if (!page.has_more) await pause(POLL, attempt.signal);
      if (attempt.signal.aborted) return false;
    }
  };

  const run = async () => {
    while (!stopped) {
      if (document.hidden) {
        onLink('paused');
        await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
        continue;
      }
      attempt = new AbortController();
      try {
        if (await (fruitless < FRUITLESS ? stream() : poll())) return onLink('over');
        fruitless += 1;
      } catch (error) {
        if (stopped) return;
        if (document.hidden) continue;
        if (error instanceof Problem && [401, 403, 404].includes(error.status)) return onLink('disconnected');
        if (error instanceof Problem && error.status === 0) failures += 1;
        onLink('disconnected');
      }
      await pause(Math.min(RETRY.most, RETRY.least * 2 ** Math.min(failures, 5)), new AbortController().signal);
    }
  };

  const hide = () => { if (document.hidden) attempt.abort(); };
  document.addEventListener('visibilitychange', hide);
  run();
  return () => {
    stopped = true;
    attempt.abort();
    document.removeEventListener('visibilitychange', hide);
  };
}

/** What the reader is told about the connection. @param {Link} link */
export function showLink(link) {
  const line = /** @type {HTMLElement} */ (document.getElementById('link-state'));
  line.hidden = link !== 'disconnected' && link !== 'polling';
  const words = { disconnected: 'The service does not answer. Trying again …', polling: 'No live connection gets through; asking every second instead.' };
  line.textContent = words[/** @type {keyof typeof words} */ (link)] ?? '';
  line.dataset.link = link;
}
