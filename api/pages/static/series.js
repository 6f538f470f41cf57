/** @file From runs to curves: what a figure shows, before anything is drawn. */

import { lookOf } from './marks.js';
import { isLoss, METRICS, metricName, metricsOf } from './metrics.js';
import { best, estimate, onset, percentile } from './statistics.js';

/** @typedef {import('./experiment.js').Run} Run */
/** @typedef {{epoch: number, value: number, low: number | null, high: number | null, n: number}} Point */
/**
 * @typedef {{key: string, group: string, label: string, look: number, mark: number, metric: string, dashed: boolean, paired: boolean, seeds: number,
 *   points: Point[], raw: Point[] | null, best: number | null, onset: number | null, pace: number, paced: boolean, faded: boolean}} Curve
 *   pace: what an epoch takes of the x axis, and whether that is known. faded: one of those behind the best of many
 */
/** @typedef {{key: string, label: string, look: number, mark: number, runs: Run[], paces?: Record<string, number>}} Group variants, or single runs, of one figure;
 *   `paces`: how many updates and seconds an epoch of it is, where that is known */
/** @typedef {{metric: string, view: string, curves: string, band: string, smooth: number, scale: string, unit: string, first: string, last: string, best: string}} Choices */

/**
 * The looks of a figure's variants: the baseline's is 0, the others' follow in turn.
 * @param {string[]} names @param {string | null} baseline @returns {Map<string, number>}
 */
export function looks(names, baseline) {
  const others = names.filter((name) => name !== baseline);
  return new Map(names.map((name) => [name, name === baseline ? 0 : lookOf(others.indexOf(name))]));
}

/**
 * @param {Group[]} groups @param {Choices} choices
 * @returns {Curve[]}
 */
export function prepare(groups, choices) {
  const metrics = metricsOf(metricName(choices));
  return groups.flatMap((group, rank) =>
    metrics.flatMap((metric) => {
      const paired = metrics.length > 1, dashed = paired && !metric.startsWith('val_');
      const half = paired ? (dashed ? ', training' : ', validation') : '';
      const curve = (/** @type {string} */ key, /** @type {string} */ label, /** @type {Run[]} */ runs) =>
        makeCurve({ key: `${key}/${metric}`, group: group.key, label: label + half, look: group.look, mark: rank, metric, dashed, paired, pace: group.paces?.[choices.unit] ?? 1, paced: choices.unit === 'epoch' || Boolean(group.paces?.[choices.unit]), faded: false }, runs, choices);
      if (choices.curves !== 'runs' || group.runs.length === 1) return [curve(group.key, group.label, group.runs)];
      return group.runs.map((run) => curve(run.id, `${group.label}, seed ${run.seed}`, [run]));
    }));
}

/**
 * @param {Omit<Curve, 'seeds' | 'points' | 'raw' | 'best' | 'onset'>} base
 * @param {Run[]} runs @param {Choices} choices
 * @returns {Curve}
 */
function makeCurve(base, runs, choices) {
  /** @type {Map<number, number[]>} */
  const at = new Map();
  for (const run of runs) {
    const values = run.metrics[base.metric] ?? [];
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i];
      if (value === null) continue;
      const others = at.get(run.epochs[i]);
      if (others) others.push(value);
      else at.set(run.epochs[i], [value]);
    }
  }
  const points = [...at].sort((a, b) => a[0] - b[0]).map(([epoch, values]) => point(epoch, values, choices.band, base.metric));
  const epochs = points.map((each) => each.epoch), means = points.map((each) => each.value);
  const marked = base.metric.startsWith('val_');
  return {
    ...base,
    seeds: runs.filter((run) => run.metrics[base.metric]?.length).length,
    points: choices.smooth > 1 ? smoothed(points, choices.smooth) : points,
    raw: choices.smooth > 1 ? points : null,
    best: marked ? best(epochs, means, METRICS.higher.includes(base.metric)) : null,
    onset: marked && isLoss(base.metric) ? onset(epochs, means) : null,
  };
}

/**
 * The part of the curves from an epoch to another; what is beyond leaves the scales too.
 * @param {Curve[]} curves @param {number} first @param {number} last @returns {Curve[]}
 */
export function within(curves, first, last) {
  const part = (/** @type {Point[]} */ points) => points.filter((point) => point.epoch >= first && point.epoch <= last);
  return curves.map((curve) => ({ ...curve, points: part(curve.points), raw: curve.raw && part(curve.raw) }));
}

/**
 * The groups with the best values of what is shown, the baseline besides: of a pair of metrics, by the validation's.
 * @param {Curve[]} curves @param {number} most @returns {Set<string>}
 */
export function leading(curves, most) {
  /** @type {Map<string, number>} */
  const costs = new Map();
  for (const curve of curves) {
    if (curve.paired && curve.dashed) continue;
    const sign = METRICS.higher.includes(curve.metric) ? -1 : 1;
    for (const point of curve.points) costs.set(curve.group, Math.min(costs.get(curve.group) ?? Infinity, sign * point.value));
  }
  const best = [...costs].sort((a, b) => a[1] - b[1]).slice(0, most).map(([group]) => group);
  return new Set([...best, ...curves.filter((curve) => curve.look === 0).map((curve) => curve.group)]);
}

/** An interval ends at what there can be of the metric. @param {number} epoch @param {number[]} values @param {string} band @param {string} metric @returns {Point} */
function point(epoch, values, band, metric) {
  const { n, mean, sd, half } = estimate(values);
  let low = null, high = null;
  if (sd !== null && half !== null && band !== 'none') {
    [low, high] = band === 'ci95' ? [Math.max(mean - half, METRICS.least[metric] ?? -Infinity), Math.min(mean + half, METRICS.most[metric] ?? Infinity)]
      : band === 'sd' ? [mean - sd, mean + sd] : [Math.min(...values), Math.max(...values)];
  }
  return { epoch, value: mean, low, high, n };
}

/** Running means over `width` epochs. @param {Point[]} points @param {number} width @returns {Point[]} */
function smoothed(points, width) {
  const reach = (width - 1) / 2;
  return points.map((each, i) => {
    const near = points.slice(Math.max(0, i - reach), i + reach + 1);
    return { ...each, value: near.reduce((sum, other) => sum + other.value, 0) / near.length };
  });
}

/**
 * Where the y axis begins and ends, by the plots' own rule: values are in view, bands as far as they do not
 * dwarf them, and a run on its way to infinity does not set the scale for the rest.
 * @param {Curve[]} curves @param {boolean} log
 * @returns {[number, number]}
 */
export function limits(curves, log) {
  const points = curves.flatMap((curve) => (curve.raw ?? []).concat(curve.points));
  const scale = (/** @type {number} */ value) => (log ? Math.log10(value) : value);
  const values = points.map((each) => scale(each.value)).filter(Number.isFinite);
  if (!values.length) return log ? [0.1, 1] : [0, 1];
  const median = percentile(Float64Array.from(values).sort(), 0.5);
  const distances = Float64Array.from(values, (value) => Math.abs(value - median)).sort();
  const reach = 10 * percentile(distances, 0.9);
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (reach > 0 && Math.abs(value - median) > reach) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const room = 0.3 * (high - low) || 0.1 * Math.max(Math.abs(high), 1e-3);
  let bottom = low, top = high;
  for (const each of points) {
    if (each.low === null || each.high === null) continue;
    const edges = [scale(each.low), scale(each.high)];
    if (Number.isFinite(edges[0])) bottom = Math.min(bottom, Math.max(edges[0], low - room));
    if (Number.isFinite(edges[1])) top = Math.max(top, Math.min(edges[1], high + room));
  }
  const margin = 0.06 * (top - bottom) || room;
  const floor = !log && low >= 0 ? -0.03 * top : -Infinity;
  // An accuracy cannot exceed 1, nor can the axis much.
  const most = log ? Infinity : Math.max(...curves.map((curve) => METRICS.most[curve.metric] ?? Infinity));
  bottom = Math.max(bottom - margin, floor);
  top = Math.min(top + margin, most + 0.3 * margin);
  return log ? [10 ** bottom, 10 ** top] : [bottom, top];
}

/**
 * The groups whose weights' penalties are in what is shown; what is not above a millionth is rounding.
 * @param {Group[]} groups @param {Choices} choices @returns {Group[]}
 */
export function penalised(groups, choices) {
  const metric = metricsOf(metricName(choices)).at(-1) ?? '', without = METRICS.unpenalised[metric];
  const holds = (/** @type {Run} */ run) => (run.metrics[metric] ?? []).some((loss, i) => {
    const data = run.metrics[without]?.[i] ?? null;
    return loss !== null && data !== null && loss - data > 1e-6 * Math.max(1, Math.abs(data));
  });
  return without ? groups.filter((group) => group.runs.some(holds)) : [];
}

/**
 * What a reader has to be told beside the curves: penalties, values that are not finite, curves that leave the axis.
 * @param {Group[]} groups @param {Group[]} held those with penalties @param {Curve[]} curves @param {Choices} choices @param {[number, number]} range
 * @returns {string[]}
 */
export function notes(groups, held, curves, choices, range) {
  const metrics = metricsOf(metricName(choices));
  const found = [];
  if (held.length) {
    const names = held.length <= 3 ? held.map((group) => group.label).join(', ') : `${held.length} variants`;
    found.push(`A weight penalty is in the values of ${names}. Choose “Without penalties” to compare.`);
  }
  for (const group of groups) {
    const bad = group.runs.map((run) => run.nonfinite.filter((each) => metrics.includes(each.metric))).filter((each) => each.length);
    if (!bad.length) continue;
    const first = Math.min(...bad.flat().map((each) => each.epoch));
    found.push(`${group.label}: ${bad.length === 1 ? 'one run' : `${bad.length} runs`} not finite from epoch ${first} on.`);
  }
  if (curves.some((curve) => !curve.faded && curve.points.some((each) => Number(each.low ?? range[0]) < range[0] || Number(each.high ?? range[1]) > range[1]))) found.push('Bands run off the axis, as wide as few seeds make them: they are paler.');
  for (const curve of curves) {
    const peak = curve.points.reduce((most, each) => Math.max(most, each.value), -Infinity);
    if (peak > range[1]) found.push(`${curve.label}: beyond the axis, up to ${peak.toPrecision(3)}.`);
  }
  return found.length > 6 ? [...found.slice(0, 5), `… and ${found.length - 5} more.`] : found;
}

/** The figure's second line. @param {Curve[]} curves @param {Choices} choices */
export function subtitle(curves, choices) {
  const seeds = curves.filter((curve) => curve.points.length).map((curve) => curve.seeds);
  if (!seeds.length) return 'no epochs yet';
  const low = Math.min(...seeds), high = Math.max(...seeds);
  const words = [metricsOf(metricName(choices)).length > 1 ? 'dashed: training, solid: validation' : ''];
  if (high === 1) words.push(choices.curves === 'runs' ? 'one line per run' : 'one seed: differences may be luck');
  else {
    words.push(`mean of n = ${low === high ? high : `${low} to ${high}`} seeds`);
    words.push({ ci95: 'band: 95% interval of the mean', sd: 'band: mean ± one standard deviation', minmax: 'band: least to greatest' }[choices.band] ?? '');
  }
  if (choices.smooth > 1) words.push(`smoothed over ${choices.smooth} epochs, the recorded values behind`);
  return words.filter(Boolean).join('; ');
}
