/** @file Curves over epochs as SVG, read by pointer, by keyboard and by screen reader. */

import { h, s, fill } from './dom.js';
import { value as number } from './format.js';
import { flag, lookClass, mark, sample } from './marks.js';
import { epochTicks, logTicks, spread, tickLabel, ticks } from './scale.js';

/** @typedef {import('./series.js').Curve} Curve */
/** @typedef {import('./series.js').Point} Point */
/** @typedef {{curves: Curve[], range: [number, number], log: boolean, epochs: number, title: string, empty: string}} Figure */

const TIP_ROWS = 14;

export class Chart {
  /** @param {HTMLElement} root @param {{onPick?: (group: string | null) => void}} [options] */
  constructor(root, { onPick = () => {} } = {}) {
    this.root = root;
    this.onPick = onPick;
    /** @type {Figure | null} */
    this.figure = null;
    /** @type {number | null} */
    this.epoch = null;
    /** @type {string | null} */
    this.group = null;
    this.width = this.height = 0;
    this.plot = { left: 52, right: 12, top: 10, bottom: 38 };
    this.canvas = s('svg', { role: 'presentation' });
    this.pointer = s('g', { class: 'pointer' });
    this.tip = h('div', { class: 'tip', hidden: true });
    Object.assign(root, { tabIndex: 0, role: 'slider' });
    root.append(this.canvas, this.tip);
    root.addEventListener('pointermove', (event) => this.onPointer(event));
    root.addEventListener('pointerdown', (event) => this.onPointer(event));
    root.addEventListener('pointerleave', () => this.point(null));
    root.addEventListener('blur', () => this.point(null));
    root.addEventListener('focus', () => { if (root.matches(':focus-visible')) this.point(this.epoch ?? this.figure?.epochs ?? null); });
    root.addEventListener('keydown', (event) => this.onKey(event));
    new ResizeObserver(() => this.measure()).observe(root);
  }

  measure() {
    const width = this.root.clientWidth;
    if (width === this.width) return;
    this.width = width;
    this.height = Math.round(Math.min(560, Math.max(260, 0.52 * width), Math.max(280, 0.72 * innerHeight)));
    if (this.figure) this.draw(this.figure);
  }

  /** @param {Figure} figure @param {boolean} [roomy] whether the names may stand at the curves' ends */
  draw(figure, roomy = this.width >= 620) {
    this.figure = figure;
    if (!this.width) return this.measure();
    const ended = figure.curves.filter((curve) => curve.points.length);
    const labelled = roomy && ended.length > 0 && ended.length <= 10;
    const longest = Math.max(0, ...ended.map((curve) => curve.label.length));
    this.plot = { ...this.plot, right: labelled ? Math.min(0.28 * this.width, 20 + 8 * longest) : 12 };
    this.canvas.setAttribute('viewBox', `0 0 ${this.width} ${this.height}`);
    this.canvas.setAttribute('height', String(this.height));
    const clip = s('clipPath', { id: 'plot' }, s('rect', {
      x: this.plot.left - 6, y: 0, width: Math.max(0, this.right - this.plot.left + 12), height: this.bottom + 1 }));
    // The baseline last: over the others.
    const order = [...figure.curves].sort((a, b) => Number(a.look === 0) - Number(b.look === 0));
    const curves = s('g', { 'clip-path': 'url(#plot)' }, ...order.map((curve) => this.band(curve)), ...order.map((curve) => this.curve(curve)));
    fill(this.canvas, s('defs', {}, clip), this.axes(), curves, labelled ? this.labels(ended) : null, this.pointer,
      ended.length ? null : s('text', { class: 'empty', x: this.width / 2, y: this.height / 2 }, figure.empty));
    if (labelled && !this.labelsFit()) return this.draw(figure, false);
    this.root.setAttribute('aria-label', `${figure.title} by epoch`);
    this.root.setAttribute('aria-valuemin', '1');
    this.root.setAttribute('aria-valuemax', String(Math.max(1, figure.epochs)));
    this.root.removeAttribute('aria-busy');
    this.highlight(this.group);
    this.point(this.epoch);
  }

  get right() { return this.width - this.plot.right; }
  get bottom() { return this.height - this.plot.bottom; }

  /** @param {number} epoch */
  x(epoch) {
    const last = Math.max(2, this.figure?.epochs ?? 1);
    return this.plot.left + 8 + ((epoch - 1) / (last - 1)) * (this.right - this.plot.left - 16);
  }

  /** @param {number} value */
  y(value) {
    const { range: [low, high], log } = /** @type {Figure} */ (this.figure);
    const part = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    // A value far beyond the axis is drawn out of sight, not at a coordinate that overflows.
    return this.bottom - Math.min(20, Math.max(-20, part)) * (this.bottom - this.plot.top);
  }

  axes() {
    const { range, log, epochs, title } = /** @type {Figure} */ (this.figure);
    const rows = Math.max(2, Math.min(7, Math.floor(this.height / 60)));
    const ys = log ? logTicks(range[0], range[1], rows) : ticks(range[0], range[1], rows);
    const xs = epochTicks(Math.max(2, epochs), Math.max(2, Math.min(12, Math.floor((this.right - this.plot.left) / 60))));
    return s('g', { class: 'axes' },
      ...ys.map((each) => s('path', { class: 'grid', d: `M${this.plot.left} ${this.y(each).toFixed(1)}H${this.right}` })),
      ...ys.map((each) => s('text', { class: 'tick y', x: this.plot.left - 8, y: this.y(each) }, tickLabel(each, ys))),
      s('path', { class: 'axis', d: `M${this.plot.left} ${this.bottom}H${this.right}` }),
      ...xs.map((each) => s('text', { class: 'tick x', x: this.x(each), y: this.bottom + 16 }, String(each))),
      s('text', { class: 'name', x: (this.plot.left + this.right) / 2, y: this.height - 4 }, 'Epoch'),
      s('title', {}, title));
  }

  /** @param {Point[]} points */
  path(points) {
    let d = '', before = -1;
    for (const { epoch, value } of points) {
      const y = this.y(value);
      if (!Number.isFinite(y)) { before = -1; continue; }
      d += `${epoch === before + 1 && before !== -1 ? 'L' : 'M'}${this.x(epoch).toFixed(1)} ${y.toFixed(1)}`;
      before = epoch;
    }
    return d;
  }

  /** @param {Curve} curve */
  band(curve) {
    const { range, log } = /** @type {Figure} */ (this.figure);
    const edges = curve.points.filter((point) => point.low !== null && point.value >= range[0] && point.value <= range[1]);
    if (edges.length < 2) return null;
    const at = (/** @type {number} */ epoch, /** @type {number} */ value) =>
      `${this.x(epoch).toFixed(1)} ${this.y(log ? Math.max(value, range[0] / 10) : value).toFixed(1)}`;
    const upper = edges.map((point) => at(point.epoch, /** @type {number} */ (point.high)));
    const lower = edges.map((point) => at(point.epoch, /** @type {number} */ (point.low))).reverse();
    return s('path', { class: `band ${lookClass(curve.look)}`, 'data-group': curve.group, d: `M${[...upper, ...lower].join('L')}Z` });
  }

  /** @param {Curve} curve */
  curve(curve) {
    const every = Math.max(1, Math.floor(curve.points.length / 10));
    const visible = curve.points.filter((point) => Number.isFinite(this.y(point.value)));
    const marked = visible.filter((_, i) => i % every === Math.max(curve.mark - 1, 0) % every);
    const crowded = /** @type {Figure} */ (this.figure).curves.length > 24;
    return s('g', { class: `curve ${lookClass(curve.look)}${crowded ? ' crowded' : ''}`, 'data-group': curve.group },
      curve.raw && s('path', { class: 'raw', d: this.path(curve.raw) }),
      s('path', { class: `line${curve.dashed ? ' training' : ''}${curve.paired ? ' paired' : ''}`, d: this.path(curve.points) }),
      crowded || curve.dashed ? null : s('path', { class: 'mark', d: marked.map((p) => mark(curve.look, this.x(p.epoch), this.y(p.value), 3)).join('') }),
      this.event(curve, curve.best, 'best'), this.event(curve, curve.onset, 'onset'));
  }

  /** The mark of a curve's best epoch or of its onset. @param {Curve} curve @param {number | null} epoch @param {'best' | 'onset'} kind */
  event(curve, epoch, kind) {
    const at = epoch !== null && curve.points.find((point) => point.epoch === epoch);
    if (!at || !Number.isFinite(this.y(at.value))) return null;
    const x = this.x(at.epoch), y = this.y(at.value);
    if (kind === 'best') return s('circle', { class: 'best', cx: x, cy: y, r: 5.5 });
    return s('path', { class: 'onset', d: flag(x, y, 17) });
  }

  /** The curves' names where they end. @param {Curve[]} curves */
  labels(curves) {
    const ends = curves.map((curve) => Math.min(this.bottom - 4, Math.max(this.plot.top + 4, this.y(curve.points[curve.points.length - 1].value))));
    const places = spread(ends, 16, this.plot.top + 4, this.bottom - 4);
    return s('g', { class: 'labels' }, ...curves.map((curve, i) =>
      s('g', { class: lookClass(curve.look), 'data-group': curve.group },
        s('path', { class: 'leader', d: `M${this.right - 2} ${ends[i].toFixed(1)}L${this.right + 8} ${places[i].toFixed(1)}` }),
        s('text', { x: this.right + 12, y: places[i] }, curve.label))));
  }

  /** Whether all names have room where they end. If not, none stands there: the legend has them whole. */
  labelsFit() {
    const texts = /** @type {NodeListOf<SVGTextElement>} */ (this.canvas.querySelectorAll('.labels text'));
    return [...texts].every((text) => text.getComputedTextLength() <= this.plot.right - 12);
  }

  /** Brings one variant out. @param {string | null} group */
  highlight(group) {
    this.group = group;
    const known = group !== null && this.figure?.curves.some((curve) => curve.group === group);
    this.canvas.classList.toggle('picked', Boolean(known));
    for (const each of this.canvas.querySelectorAll('[data-group]')) each.classList.toggle('front', known && each.getAttribute('data-group') === group);
  }

  /** @param {PointerEvent} event */
  onPointer(event) {
    if (!this.figure?.epochs) return;
    const box = this.root.getBoundingClientRect();
    const part = (event.clientX - box.left - this.plot.left - 8) / Math.max(1, this.right - this.plot.left - 16);
    const epoch = Math.round(1 + part * (Math.max(2, this.figure.epochs) - 1));
    this.point(Math.min(this.figure.epochs, Math.max(1, epoch)), event.clientY - box.top);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const last = this.figure?.epochs ?? 0;
    if (!last) return;
    const at = this.epoch ?? last;
    const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - 10, PageUp: at + 10, Home: 1, End: last }[event.key];
    if (event.key === 'Escape') this.point(null);
    if (to === undefined) return;
    event.preventDefault();
    this.point(Math.min(last, Math.max(1, to)));
  }

  /** Shows every value at an epoch. @param {number | null} epoch @param {number} [height] where the pointer is */
  point(epoch, height) {
    this.epoch = epoch;
    const figure = this.figure;
    const rows = !figure || epoch === null ? [] : figure.curves
      .map((curve) => ({ curve, at: curve.points.find((point) => point.epoch === epoch) }))
      .filter((row) => row.at !== undefined)
      .map((row) => ({ ...row, at: /** @type {Point} */ (row.at) }))
      .sort((a, b) => b.at.value - a.at.value);
    this.tip.hidden = !rows.length;
    if (!rows.length || epoch === null) {
      this.pointer.replaceChildren();
      this.root.setAttribute('aria-valuenow', '1');
      this.root.setAttribute('aria-valuetext', 'Arrow keys go from epoch to epoch');
      return;
    }
    const distance = (/** @type {typeof rows[0]} */ row) => Math.abs(this.y(row.at.value) - (height ?? 0));
    const nearest = height === undefined ? null : rows.reduce((least, row) => (distance(row) < distance(least) ? row : least));
    this.root.setAttribute('aria-valuenow', String(epoch));
    this.root.setAttribute('aria-valuetext', `Epoch ${epoch}: ${rows.map((row) => `${row.curve.label} ${number(row.at.value)}`).join(', ')}`);
    const x = this.x(epoch);
    fill(this.pointer, s('path', { class: 'hair', d: `M${x} ${this.plot.top}V${this.bottom}` }),
      ...rows.filter((row) => this.y(row.at.value) >= 0 && this.y(row.at.value) <= this.bottom).map((row) =>
        s('path', { class: `mark ${lookClass(row.curve.look)}`, d: mark(row.curve.look, x, this.y(row.at.value), 4.2) })));
    this.showTip(epoch, rows, nearest, x);
    this.onPick(nearest && distance(nearest) < 24 ? nearest.curve.group : null);
  }

  /** @param {number} epoch @param {{curve: Curve, at: Point}[]} rows @param {{curve: Curve, at: Point} | null} nearest @param {number} x */
  showTip(epoch, rows, nearest, x) {
    const middle = nearest ? rows.indexOf(nearest) : 0;
    const from = Math.max(0, Math.min(middle - TIP_ROWS / 2, rows.length - TIP_ROWS));
    const shown = rows.slice(from, from + TIP_ROWS);
    fill(this.tip, h('strong', {}, `Epoch ${epoch}`),
      h('table', {}, h('tbody', {}, shown.map((row) => h('tr', { class: row === nearest ? 'near' : '' },
        h('td', {}, sample(row.curve.look, row.curve.dashed, row.curve.paired)), h('th', { scope: 'row' }, row.curve.label), h('td', { class: 'number' }, number(row.at.value)),
        h('td', { class: 'number muted' }, row.at.low === null || row.at.high === null ? '' : `${number(row.at.low)} to ${number(row.at.high)}`))))),
      rows.length > shown.length && h('p', { class: 'muted' }, `${rows.length - shown.length} more, further away`));
    const width = this.tip.offsetWidth;
    const left = x + 16 + width < this.width ? x + 16 : Math.max(0, x - 16 - width);
    this.tip.style.transform = `translate(${left}px, ${this.plot.top}px)`;
  }
}
