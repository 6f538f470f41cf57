/** @file Curves over epochs as SVG, read by pointer, by keyboard and by screen reader. */

import { h, s, fill } from './dom.js';
import { count, duration, value as number } from './format.js';
import { lookClass, mark, sample } from './marks.js';
import { Plane } from './plane.js';
import { spread } from './scale.js';

/** @typedef {import('./series.js').Curve} Curve */
/** @typedef {import('./series.js').Point} Point */
/** @typedef {import('./plane.js').Figure} Figure */

const TIP_ROWS = 14;
/** So many pixels the pointer is moved while pressed before it is a choice of a part. */
const DRAGGED = 12;

export class Chart extends Plane {
  /**
   * @param {HTMLElement} root
   * @param {{onPick?: (group: string | null) => void, onRange?: (first: number, last: number) => void}} [options]
   *   onRange: told of a part of the x axis that the pointer was drawn over
   */
  constructor(root, { onPick = () => {}, onRange = () => {} } = {}) {
    super({ left: 52, right: 12, top: 10, bottom: 38 });
    this.root = root;
    this.onPick = onPick;
    this.onRange = onRange;
    /** Where the values are read, in the unit of the x axis. @type {number | null} */
    this.at = null;
    /** Where the pointer was pressed. @type {number | null} */
    this.pressed = null;
    /** @type {string | null} */
    this.group = null;
    this.canvas = s('svg', { role: 'presentation' });
    this.pointer = s('g', { class: 'pointer' });
    this.tip = h('div', { class: 'tip', hidden: true });
    Object.assign(root, { tabIndex: 0, role: 'slider' });
    root.append(this.canvas, this.tip);
    root.addEventListener('pointermove', (event) => this.onPointer(event));
    root.addEventListener('pointerdown', (event) => { if (event.pointerType === 'mouse') this.pressed = this.under(event); this.onPointer(event); });
    root.addEventListener('pointerup', (event) => this.onRelease(event));
    root.addEventListener('pointerleave', () => { this.pressed = null; this.point(null); });
    root.addEventListener('blur', () => this.point(null));
    root.addEventListener('focus', () => { if (root.matches(':focus-visible')) this.point(this.at ?? this.figure?.to ?? null); });
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
    const ended = figure.curves.filter((curve) => curve.points.length && !curve.faded);
    const labelled = roomy && ended.length > 0 && ended.length <= 10;
    const longest = Math.max(0, ...ended.map((curve) => curve.label.length));
    this.plot = { ...this.plot, right: labelled ? Math.min(0.28 * this.width, 20 + 8 * longest) : 12 };
    this.canvas.setAttribute('viewBox', `0 0 ${this.width} ${this.height}`);
    this.canvas.setAttribute('height', String(this.height));
    const clip = s('clipPath', { id: 'plot' }, s('rect', {
      x: this.plot.left - 6, y: 0, width: Math.max(0, this.right - this.plot.left + 12), height: this.bottom + 1 }));
    // The baseline last: over the others.
    const order = [...figure.curves].sort((a, b) => Number(b.faded) - Number(a.faded) || Number(a.look === 0) - Number(b.look === 0));
    const curves = s('g', { 'clip-path': 'url(#plot)' }, ...order.map((curve) => this.band(curve)), ...order.map((curve) => this.curve(curve)));
    fill(this.canvas, s('defs', {}, clip), this.axes({ epoch: 'Epoch', update: 'Updates of the weights', second: 'Seconds of training, at each variant’s mean pace' }[figure.unit]), curves, labelled ? this.labels(ended) : null, this.pointer,
      figure.curves.some((curve) => curve.points.length) ? null : s('text', { class: 'empty', x: this.width / 2, y: this.height / 2 }, figure.empty));
    if (labelled && !this.labelsFit()) return this.draw(figure, false);
    this.root.setAttribute('aria-label', `${figure.title} by ${figure.unit}`);
    this.root.setAttribute('aria-valuemin', String(figure.from));
    this.root.setAttribute('aria-valuemax', String(Math.max(1, figure.to)));
    this.root.removeAttribute('aria-busy');
    this.highlight(this.group);
    this.point(this.at);
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

  /** What is under the pointer, in the unit of the x axis. @param {PointerEvent} event */
  under(event) {
    const { from, to } = /** @type {Figure} */ (this.figure);
    const part = (event.clientX - this.root.getBoundingClientRect().left - this.plot.left - 8) / Math.max(1, this.right - this.plot.left - 16);
    return Math.min(to, Math.max(from, from + part * (to - from)));
  }

  /** The curve with most epochs per length: its epochs are what the keyboard goes by. */
  get stride() {
    return Math.min(...(this.figure?.curves ?? []).filter((curve) => curve.points.length).map((curve) => curve.pace), Infinity);
  }

  /** @param {number} at @returns {number} the epoch nearest to it of the curve with most */
  near(at) { return Math.round(at / this.stride) * this.stride; }

  /** @param {PointerEvent} event */
  onPointer(event) {
    if (!this.figure || !Number.isFinite(this.stride)) return;
    this.point(this.near(this.under(event)), event.clientY - this.root.getBoundingClientRect().top);
  }

  /** @param {PointerEvent} event */
  onRelease(event) {
    const start = this.pressed;
    this.pressed = null;
    if (start === null || !this.figure) return;
    const end = this.under(event);
    if (Math.abs(this.x(end) - this.x(start)) >= DRAGGED) this.onRange(Math.min(start, end), Math.max(start, end));
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const { figure, stride } = this;
    if (!figure || !Number.isFinite(stride)) return;
    const at = this.at ?? this.near(figure.to);
    const to = { ArrowLeft: at - stride, ArrowDown: at - stride, ArrowRight: at + stride, ArrowUp: at + stride, PageDown: at - 10 * stride, PageUp: at + 10 * stride,
      Home: figure.from, End: figure.to }[event.key];
    if (event.key === 'Escape') this.point(null);
    if (to === undefined) return;
    event.preventDefault();
    this.point(this.near(Math.min(figure.to, Math.max(figure.from, stride, to))));
  }

  /** Shows every value at a place of the x axis. @param {number | null} at @param {number} [height] where the pointer is */
  point(at, height) {
    this.at = at;
    const figure = this.figure;
    const rows = !figure || at === null ? [] : figure.curves
      .map((curve) => ({ curve, at: curve.points.find((point) => point.epoch === Math.round(at / curve.pace)) }))
      .filter((row) => row.at !== undefined)
      .map((row) => ({ ...row, at: /** @type {Point} */ (row.at) }))
      .sort((a, b) => b.at.value - a.at.value);
    this.tip.hidden = !rows.length;
    if (!figure || !rows.length || at === null) {
      this.pointer.replaceChildren();
      this.root.setAttribute('aria-valuenow', String(figure?.from ?? 1));
      this.root.setAttribute('aria-valuetext', 'Arrow keys go from epoch to epoch');
      return;
    }
    const distance = (/** @type {typeof rows[0]} */ row) => Math.abs(this.y(row.at.value) - (height ?? 0));
    const nearest = height === undefined ? null : rows.reduce((least, row) => (distance(row) < distance(least) ? row : least));
    const place = { epoch: `Epoch ${at}`, update: `Update ${count(Math.round(at))}`, second: duration(at) }[figure.unit] ?? '';
    this.root.setAttribute('aria-valuenow', String(at));
    this.root.setAttribute('aria-valuetext', `${place}: ${rows.map((row) => `${row.curve.label} ${number(row.at.value)}`).join(', ')}`);
    const x = (/** @type {typeof rows[0]} */ row) => this.x(row.curve.pace * row.at.epoch);
    const from = this.pressed === null ? null : this.x(this.pressed);
    fill(this.pointer, from !== null && s('rect', { class: 'drawn', x: Math.min(from, this.x(at)), y: this.plot.top, width: Math.abs(this.x(at) - from), height: this.bottom - this.plot.top }),
      s('path', { class: 'hair', d: `M${this.x(at)} ${this.plot.top}V${this.bottom}` }),
      ...rows.filter((row) => !row.curve.faded && this.y(row.at.value) >= 0 && this.y(row.at.value) <= this.bottom).map((row) =>
        s('path', { class: `mark ${lookClass(row.curve.look)}`, d: mark(row.curve.look, x(row), this.y(row.at.value), 4.2) })));
    this.showTip(place, rows, nearest, this.x(at));
    this.onPick(nearest && distance(nearest) < 24 ? nearest.curve.group : null);
  }

  /** @param {string} place @param {{curve: Curve, at: Point}[]} rows @param {{curve: Curve, at: Point} | null} nearest @param {number} x */
  showTip(place, rows, nearest, x) {
    const middle = nearest ? rows.indexOf(nearest) : 0;
    const from = Math.max(0, Math.min(middle - TIP_ROWS / 2, rows.length - TIP_ROWS));
    const shown = rows.slice(from, from + TIP_ROWS);
    fill(this.tip, h('strong', {}, place),
      h('table', {}, h('tbody', {}, shown.map((row) => h('tr', { class: row === nearest ? 'near' : '' },
        h('td', {}, sample(row.curve.look, row.curve.dashed, row.curve.paired)), h('th', { scope: 'row' }, row.curve.label), h('td', { class: 'number' }, number(row.at.value)),
        h('td', { class: 'number muted' }, row.at.low === null || row.at.high === null ? '' : `${number(row.at.low)} to ${number(row.at.high)}`))))),
      rows.length > shown.length && h('p', { class: 'muted' }, `${rows.length - shown.length} more, further away`));
    const width = this.tip.offsetWidth;
    const left = x + 16 + width < this.width ? x + 16 : Math.max(0, x - 16 - width);
    this.tip.style.transform = `translate(${left}px, ${this.plot.top}px)`;
  }
}
