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

export const MARKS = (document.body.dataset.marks ?? '').split(' ');

/**
 * The path of the `look`-th mark about (x, y).
 * @param {number} look @param {number} x @param {number} y @param {number} radius
 */
export function mark(look, x, y, radius) {
  const shape = SHAPES[MARKS[look]];
  if (!shape) return `M${x - radius} ${y}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;
  return `M${shape.map(([dx, dy]) => `${(x + dx * radius).toFixed(1)} ${(y + dy * radius).toFixed(1)}`).join('L')}Z`;
}

/** A piece of a curve with its mark, for legends and tables. @param {number} look @param {boolean} [dashed] */
export function sample(look, dashed = false) {
  return s('svg', { class: `sample look-${look}`, viewBox: '0 0 28 12', width: 28, height: 12, 'aria-hidden': 'true' },
    s('path', { class: dashed ? 'line training' : 'line', d: 'M1 6H27' }), s('path', { class: 'mark', d: mark(look, 14, 6, 3.4) }));
}
