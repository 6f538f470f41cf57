/** @file A plane with axes on which curves are drawn: one chart, or one of many panels. */

import { s } from './dom.js';
import { flag, lookClass, mark } from './marks.js';
import { epochTicks, logTicks, tickLabel, ticks } from './scale.js';

/** @typedef {import('./series.js').Curve} Curve */
/** @typedef {import('./series.js').Point} Point */
/**
 * from, to: the ends of the x axis, in its unit. range: those of the y axis. labelEvery: whether ticks have words.
 * @typedef {{curves: Curve[], range: [number, number], log: boolean, from: number, to: number, unit: string, title: string, empty: string}} Figure
 */

export class Plane {
  /** @param {{left: number, right: number, top: number, bottom: number}} plot what is left free at its sides */
  constructor(plot) {
    this.plot = plot;
    this.width = this.height = 0;
    /** @type {Figure | null} */
    this.figure = null;
  }

  get right() { return this.width - this.plot.right; }
  get bottom() { return this.height - this.plot.bottom; }

  /** @param {number} at in the unit of the x axis */
  x(at) {
    const { from, to } = /** @type {Figure} */ (this.figure);
    return this.plot.left + 8 + ((at - from) / (to - from || 1)) * (this.right - this.plot.left - 16);
  }

  /** @param {number} value */
  y(value) {
    const { range: [low, high], log } = /** @type {Figure} */ (this.figure);
    const part = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    // A value far beyond the axis is drawn out of sight, not at a coordinate that overflows.
    return this.bottom - Math.min(20, Math.max(-20, part)) * (this.bottom - this.plot.top);
  }

  /** @param {string} [name] of the x axis */
  axes(name) {
    const { range, log, from, to, unit, title } = /** @type {Figure} */ (this.figure);
    const rows = Math.max(2, Math.min(7, Math.floor(this.height / 60)));
    const ys = log ? logTicks(range[0], range[1], rows) : ticks(range[0], range[1], rows);
    const most = Math.max(2, Math.min(12, Math.floor((this.right - this.plot.left) / 60)));
    const xs = unit === 'epoch' ? epochTicks(from, to, most) : ticks(from, to, most);
    return s('g', { class: 'axes' },
      ...ys.map((each) => s('path', { class: 'grid', d: `M${this.plot.left} ${this.y(each).toFixed(1)}H${this.right}` })),
      ...ys.map((each) => s('text', { class: 'tick y', x: this.plot.left - 8, y: this.y(each) }, tickLabel(each, ys))),
      s('path', { class: 'axis', d: `M${this.plot.left} ${this.bottom}H${this.right}` }),
      ...xs.map((each) => s('text', { class: 'tick x', x: this.x(each), y: this.bottom + 16 }, unit === 'epoch' ? String(each) : tickLabel(each, xs))),
      name && s('text', { class: 'name', x: (this.plot.left + this.right) / 2, y: this.height - 4 }, name),
      s('title', {}, title));
  }

  /** @param {Point[]} points @param {number} pace what an epoch takes of the x axis */
  path(points, pace) {
    let d = '', before = -1;
    for (const { epoch, value } of points) {
      const y = this.y(value);
      if (!Number.isFinite(y)) { before = -1; continue; }
      d += `${epoch === before + 1 && before !== -1 ? 'L' : 'M'}${this.x(pace * epoch).toFixed(1)} ${y.toFixed(1)}`;
      before = epoch;
    }
    return d;
  }

  /** @param {Curve} curve */
  band(curve) {
    const { range, log } = /** @type {Figure} */ (this.figure);
    if (curve.faded) return null;
    const edges = curve.points.filter((point) => point.low !== null && point.value >= range[0] && point.value <= range[1]);
    if (edges.length < 2) return null;
    const at = (/** @type {number} */ epoch, /** @type {number} */ value) =>
      `${this.x(curve.pace * epoch).toFixed(1)} ${this.y(log ? Math.max(value, range[0] / 10) : value).toFixed(1)}`;
    const upper = edges.map((point) => at(point.epoch, /** @type {number} */ (point.high)));
    const lower = edges.map((point) => at(point.epoch, /** @type {number} */ (point.low))).reverse();
    const wide = edges.some((point) => Number(point.low) < range[0] || Number(point.high) > range[1]);
    return s('path', { class: `band ${lookClass(curve.look)}${wide ? ' wide' : ''}`, 'data-group': curve.group, d: `M${[...upper, ...lower].join('L')}Z` });
  }

  /** @param {Curve} curve */
  curve(curve) {
    const every = Math.max(1, Math.floor(curve.points.length / 10));
    const visible = curve.points.filter((point) => Number.isFinite(this.y(point.value)));
    const marked = visible.filter((_, i) => i % every === Math.max(curve.mark - 1, 0) % every);
    const crowded = /** @type {Figure} */ (this.figure).curves.filter((each) => !each.faded).length > 24;
    return s('g', { class: `curve ${lookClass(curve.look)}${crowded ? ' crowded' : ''}${curve.faded ? ' faded' : ''}`, 'data-group': curve.group },
      curve.raw && !curve.faded && s('path', { class: 'raw', d: this.path(curve.raw, curve.pace) }),
      s('path', { class: `line${curve.dashed ? ' training' : ''}${curve.paired ? ' paired' : ''}`, d: this.path(curve.points, curve.pace) }),
      crowded || curve.dashed || curve.faded ? null : s('path', { class: 'mark', d: marked.map((p) => mark(curve.look, this.x(curve.pace * p.epoch), this.y(p.value), 3)).join('') }),
      this.event(curve, curve.best, 'best'), this.event(curve, curve.onset, 'onset'));
  }

  /** The mark of a curve's best epoch or of its onset. @param {Curve} curve @param {number | null} epoch @param {'best' | 'onset'} kind */
  event(curve, epoch, kind) {
    const at = epoch !== null && !curve.faded && curve.points.find((point) => point.epoch === epoch);
    if (!at || !Number.isFinite(this.y(at.value))) return null;
    const x = this.x(curve.pace * at.epoch), y = this.y(at.value);
    if (kind === 'best') return s('circle', { class: 'best', cx: x, cy: y, r: 5.5 });
    return s('path', { class: 'onset', d: flag(x, y, 17) });
  }
}
