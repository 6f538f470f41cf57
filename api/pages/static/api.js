/** @file The public API, asked with the reader's own key. */

import { at, byId } from './dom.js';

const KEY = 'ockham-key';

/** An RFC 9457 problem document; `status` is 0 where the service cannot be reached. */
export class Problem extends Error {
  /** @param {{status: number, code: string, title: string, detail: string, errors?: {pointer: string, code: string, detail: string}[]}} document */
  constructor(document) {
    super(document.detail || document.title);
    this.status = document.status;
    this.code = document.code;
    this.title = document.title;
    this.errors = document.errors ?? [];
  }
}

/** What every request carries. @returns {Record<string, string>} */
export function authorization() {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/**
 * The response to a request that succeeded. A 401 asks for a key and tries once more with it.
 * @param {string} path
 * @param {RequestInit & {headers?: Record<string, string>}} [options]
 * @returns {Promise<Response>}
 */
export async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(at(path), { ...options, headers: { ...options.headers, ...authorization() } });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const detail = 'The service cannot be reached. Is it still running?';
    throw new Problem({ status: 0, code: 'unreachable', title: 'No connection', detail });
  }
  if (answer.ok) return answer;
  const problem = new Problem(await readProblem(answer));
  if (answer.status === 401 && (await askForKey(problem))) return request(path, options);
  throw problem;
}

/** @param {Response} answer */
async function readProblem(answer) {
  const other = { status: answer.status, code: 'unknown', title: answer.statusText, detail: `The service answered ${answer.status}` };
  try {
    return { ...other, ...(await answer.json()) };
  } catch {
    return other;
  }
}

/**
 * @param {string} path
 * @param {Record<string, any>} [query] null and empty values are left out
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, query = {}, signal) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const search = new URLSearchParams(given.flatMap(([name, value]) => [value].flat().map((each) => [name, String(each)])));
  return (await request(search.size ? `${path}?${search}` : path, { signal })).json();
}

/**
 * @param {string} path
 * @param {any} [body]
 * @param {{headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function post(path, body, { headers = {}, signal } = {}) {
  const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers } };
  return (await request(path, { method: 'POST', signal, ...content })).json();
}

/** @type {Promise<boolean> | null} */
let asking = null;

/**
 * Asks for a key, once for however many requests wait for one.
 * @param {Problem} problem
 * @returns {Promise<boolean>} whether one was given
 */
function askForKey(problem) {
  asking ??= new Promise((resolve) => {
    /** @type {HTMLDialogElement} */
    const dialog = byId('key-dialog');
    if (sessionStorage.getItem(KEY)) byId('key-reason').textContent = `The key is not accepted. ${problem.message}`;
    const input = /** @type {HTMLInputElement} */ (dialog.querySelector('input'));
    const closed = () => {
      asking = null;
      const given = dialog.returnValue === 'use' && input.value.trim();
      if (given) sessionStorage.setItem(KEY, given);
      input.value = '';
      resolve(Boolean(given));
    };
    dialog.addEventListener('close', closed, { once: true });
    dialog.returnValue = '';
    dialog.showModal();
  });
  return asking;
}

/**
 * Saves what `path` answers as a file: by way of a request, because a link carries no key.
 * @param {string} path
 * @param {string} name
 */
export async function save(path, name) {
  const address = URL.createObjectURL(await (await request(path)).blob());
  const link = Object.assign(document.createElement('a'), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
