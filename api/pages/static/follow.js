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
/** A browser has six connections for all its pages of one service: so many of them are for streams. */
const PLACES = 3;

/** @param {number} milliseconds @param {AbortSignal} signal */
const pause = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(null); }, { once: true });
  });

/**
 * What `work` gives, done while this page has one of the browser's places for streams; null if none is free.
 * Where there are no locks (plain HTTP from another machine) pages cannot agree, and each has its stream.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T | null>}
 */
async function inPlace(work) {
  if (!navigator.locks) return work();
  for (let place = 0; place < PLACES; place += 1) {
    const done = await navigator.locks.request(`ockham-stream-${place}`, { ifAvailable: true }, async (lock) =>
      (lock ? { result: await work() } : null));
    if (done) return done.result;
  }
  return null;
}

/**
 * Follows a job from the event after `after` until its last. While nobody looks at the page there is no
 * connection, and it resumes where it left off. More pages than there are places for streams ask every second.
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
    if (events.some((event) => event.id <= seen)) location.reload(); // the service was restored to an earlier state
    const fresh = events.filter((event) => event.id > seen);
    if (fresh.length) {
      seen = fresh[fresh.length - 1].id;
      failures = 0;
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
      if (data.length) fruitless = 0;
      if (take(data.map((line) => JSON.parse(line.slice(5))))) return true;
    }
  };

  /** @param {Link} link how to call it @returns {Promise<boolean>} whether the last event has come */
  const ask = async (link) => {
    const page = await get(`/v1/jobs/${jobId}/events`, { after: seen, limit: 1000 }, attempt.signal);
    onLink(link);
    if (take(page.data)) return true;
    if (!page.has_more) await pause(POLL, attempt.signal);
    return false;
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
        const over = fruitless < FRUITLESS ? await inPlace(stream) : await ask('polling');
        if (over || (over === null && (await ask('live')))) return onLink('over');
        if (over === null || fruitless >= FRUITLESS) continue;
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
