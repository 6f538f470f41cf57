/** @file The specification being written: the JSON document itself, reached by pointers (RFC 6901). */

import { compared } from './format.js';

/**
 * @typedef {{name: string, label: string, kind: string, varies: boolean, tag: string, parts: {name: string, label: string}[], family: Family, default: any, start: any, choices: string[],
 *   low: number | null, high: number | null, main: boolean, required: boolean, empty: boolean, kept?: boolean}} Field `kept` is written even if it is the default; left `empty` it is null
 * @typedef {{title: string, about: string, fields: Field[], within?: string}} Kind `within` is the field of an object that it lies in
 * @typedef {{name: string, title: string, about: string}} Choice
 * @typedef {Record<string, Kind & {rows: string}>} Datasets what their rows are called
 * @typedef {Record<string, Kind>} Family the first is what is meant if none is named
 * @typedef {{layers: Family, optimizers: Family, datasets: Datasets, training: Field[], stopping: Field[], axes: Choice[], metrics: Choice[], varied: Choice[]}} Fields
 */

/** Every field there is, as the service describes it. @type {Fields} */
export const FIELDS = JSON.parse(document.body.dataset.fields ?? '{}');

/** The kind that is meant if none is named. @param {Family} family */
export const first = (family) => Object.keys(family)[0];

/** @param {string} pointer */
const steps = (pointer) => pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

export class Draft {
  /** @param {() => void} onChange */
  constructor(onChange) {
    /** @type {any} */
    this.body = {};
    this.onChange = onChange;
  }

  /** @param {string} pointer @returns {any} */
  read(pointer) {
    return steps(pointer).reduce((node, step) => node?.[step], this.body);
  }

  /** Sets a value, making what it lies in; undefined takes it away, and whatever is empty then. @param {string} pointer @param {any} value */
  write(pointer, value) {
    const path = steps(pointer), last = /** @type {string} */ (path.pop());
    const way = [this.body];
    for (const step of path) {
      const node = way[way.length - 1];
      if (typeof node[step] !== 'object' || node[step] === null) {
        if (value === undefined) return this.onChange();
        node[step] = {};
      }
      way.push(node[step]);
    }
    if (value === undefined) delete way[way.length - 1][last];
    else way[way.length - 1][last] = value;
    for (let i = path.length; value === undefined && i > 0; i -= 1) {
      if (Array.isArray(way[i]) || Object.keys(way[i]).length) break;
      delete way[i - 1][path[i - 1]];
    }
    this.onChange();
  }
}

/** A document without what is the default anyway; that is null where no field says otherwise. @param {any} document @param {Field[]} fields @returns {any} */
function without(document, fields) {
  if (!document || typeof document !== 'object') return document;
  const defaults = new Map(fields.map((field) => [field.name, field.default]));
  return Object.fromEntries(Object.entries(document).filter(([name, value]) =>
    JSON.stringify(defaults.get(name) ?? null) !== JSON.stringify(value)));
}

/** @param {any} training */
function pruneTraining(training) {
  if (!training) return undefined;
  const pruned = without(training, FIELDS.training.filter((field) => field.kind !== 'nested'));
  if (pruned.optimizer) pruned.optimizer = without(pruned.optimizer, FIELDS.optimizers[pruned.optimizer.name]?.fields ?? []);
  if (pruned.optimizer?.name === first(FIELDS.optimizers) && Object.keys(pruned.optimizer).length === 1) delete pruned.optimizer;
  if (pruned.early_stopping) pruned.early_stopping = without(pruned.early_stopping, FIELDS.stopping);
  return Object.keys(pruned).length ? pruned : undefined;
}

/**
 * A resolved specification as a person would have written it: defaults left out, presets by their names.
 * It resolves to the same.
 * @param {any} spec @param {{name: string, layers: any[]}[]} presets
 * @returns {any}
 */
export function prune(spec, presets) {
  const known = new Map(presets.map((preset) => [preset.name, JSON.stringify(preset.layers)]));
  const variants = compared(spec).map((/** @type {any} */ variant) => {
    const training = JSON.stringify(variant.training) === JSON.stringify(spec.training) ? null : variant.training;
    if (known.get(variant.name) === JSON.stringify(variant.layers) && !training && !variant.dataset) return variant.name;
    return {
      name: variant.name,
      layers: variant.layers.map((/** @type {any} */ layer) => without(layer, FIELDS.layers[layer.type]?.fields ?? [])),
      // A variant's own training is complete: what it leaves out would be the job's.
      ...(training ? { training } : {}), ...(variant.dataset ? { dataset: variant.dataset } : {}),
    };
  });
  const dataset = without(spec.dataset, FIELDS.datasets[spec.dataset.name]?.fields ?? []);
  if (dataset.id) {  // the service knows the rest
    delete dataset.name;
    delete dataset.content;
  }
  const training = pruneTraining(spec.training);
  return {
    name: spec.name,
    ...(Object.keys(dataset).length > 1 || dataset.name !== first(FIELDS.datasets) ? { dataset } : {}),
    ...(training ? { training } : {}),
    variants,
    ...(spec.baseline === (variants[0].name ?? variants[0]) ? {} : { baseline: spec.baseline }),
    seeds: spec.seeds,
    ...(spec.until ? { until: spec.until } : {}),
    ...(spec.search ? { search: spec.search } : {}),
    ...(spec.vary ? { vary: spec.vary } : {}),
    ...(spec.reuse === 'allow' ? {} : { reuse: spec.reuse }),
    ...(Object.keys(spec.metadata ?? {}).length ? { metadata: spec.metadata } : {}),
  };
}
