/** @file How statuses, progress and problems look. */

import { at, fill, h } from './dom.js';
import { count, duration, plural } from './format.js';

const SIGNS = /** @type {Record<string, string>} */ ({ queued: '○', running: '◐', succeeded: '✓', failed: '✕', cancelling: '◌', cancelled: '–' });

/** @param {string} status */
export const badge = (status) => h('span', { class: `badge ${status}` }, h('span', { 'aria-hidden': 'true' }, SIGNS[status] ?? ''), status);

/** @param {number} percent @param {string} label */
export const bar = (percent, label) => h('progress', { max: 100, value: percent, 'aria-label': label });

/** @param {{done: number, total: number, eta: number | null}} progress */
export const pace = ({ done, total, eta }) =>
  `${count(done)} of ${count(total)} epochs${eta ? `, about ${duration(eta)} left` : ''}`;

/**
 * Offers to compare what was ticked.
 * @param {HTMLElement} line @param {'job' | 'run'} kind @param {Set<string>} picked
 */
export function showPicked(line, kind, picked) {
  line.hidden = !picked.size;
  /** @type {HTMLElement} */ (line.querySelector('span')).textContent = `${plural(picked.size, kind)} chosen`;
  /** @type {HTMLAnchorElement} */ (line.querySelector('a')).href = at(`/compare?${new URLSearchParams([...picked].map((each) => [kind, each]))}`);
}

/**
 * Says what went wrong, and offers to try again.
 * @param {Element} root @param {any} problem @param {() => void} [again]
 */
export function showProblem(root, problem, again) {
  fill(root, h('div', { class: 'notice problem', role: 'alert' }, h('strong', {}, problem.title ?? 'Something went wrong'), h('p', {}, problem.message ?? String(problem)),
    again && h('button', { type: 'button', onclick: () => { fill(root); again(); } }, 'Try again')));
}
