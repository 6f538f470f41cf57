/** @file The marks of curves: the plots' own, by matplotlib's letters. */

import { s } from './dom.js';

/** One mark about the origin, of radius 1. @type {Record<string, [number, number][]>} */
const SHAPES = {
  s: [[-0.89, -0.89], [0.89, -0.89], [0.89, 0.89], [-0.89, 0.89]],
  '^': [[0, -1.1], [1, 0.8], [-1, 0.8]],
  v: [[0, 1.1], [1, -0.8], [-1, -0.8]],
  D: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  P: [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]],
  X: [[0, -0.5], [0.6, -1.1], [1.1, -0.6], [0.5, 0], [1.1, 0.6], [0.6, 1.1], [0, 0.5], [-0.6, 1.1], [-1.1, 0.6], [-0.5, 0], [-1.1, -0.6], [-0.6, -1.1]],
};

/** The onset's sign, a flag that stands on a curve, in parts of its height, y upwards. @type {[number, number][]} */
export const ONSET = [[-0.11, 0], [0.11, 0], [0.11, 0.44], [0.66, 0.72], [-0.11, 1]];

/** The path of the onset's sign on (x, y). @param {number} x @param {number} y @param {number} height */
export const flag = (x, y, height) => `M${ONSET.map(([dx, dy]) => `${(x + dx * height).toFixed(1)} ${(y - dy * height).toFixed(1)}`).join('L')}Z`;

/** What the best epoch and the onset are marked by, for legends and tables. @param {'best' | 'onset'} kind */
export const sign = (kind) => s('svg', { class: 'sign', viewBox: '0 0 12 14', width: 12, height: 14, 'aria-hidden': 'true' },
  kind === 'best' ? s('circle', { class: 'best', cx: 6, cy: 7, r: 4.5 }) : s('path', { class: 'onset', d: flag(3, 13, 12) }));

export const MARKS = (document.body.dataset.marks ?? '').split(' ');

/** The look of the i-th variant beside the baseline: six colours, dashes and marks, and once more with open marks. @param {number} rank */
export const lookOf = (rank) => (rank % (MARKS.length - 1)) + 1 + MARKS.length * (Math.floor(rank / (MARKS.length - 1)) % 2);

/** What a look is in style sheets. @param {number} look */
export const lookClass = (look) => `look-${look % MARKS.length}${look >= MARKS.length ? ' open' : ''}`;

/**
 * The path of the `look`-th mark about (x, y).
 * @param {number} look @param {number} x @param {number} y @param {number} radius
 */
export function mark(look, x, y, radius) {
  const shape = SHAPES[MARKS[look % MARKS.length]];
  if (!shape) return `M${x - radius} ${y}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;
  return `M${shape.map(([dx, dy]) => `${(x + dx * radius).toFixed(1)} ${(y + dy * radius).toFixed(1)}`).join('L')}Z`;
}

/**
 * A piece of a curve with its mark, for legends and tables.
 * @param {number} look @param {boolean} [dashed] whether it is of training
 * @param {boolean} [paired] whether its dash tells training from validation, rather than variants apart
 */
export function sample(look, dashed = false, paired = false) {
  return s('svg', { class: `sample ${lookClass(look)}`, viewBox: '0 0 28 12', width: 28, height: 12, 'aria-hidden': 'true' },
    s('path', { class: `line${dashed ? ' training' : ''}${paired ? ' paired' : ''}`, d: 'M1 6H27' }), s('path', { class: 'mark', d: mark(look, 14, 6, 3.4) }));
}
