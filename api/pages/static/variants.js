/** @file The variants of a draft: cards with layers that can be added, moved and taken out. */

import { FIELDS } from './draft.js';
import { h, fill } from './dom.js';
import { inputs, labelled, parsed } from './fields.js';
import { lookOf, sample } from './marks.js';
import { describe } from './network.js';

/** @typedef {import('./draft.js').Draft} Draft */
/** @typedef {{name: string, description: string, layers: any[], parameters: number}} Preset */

/** @param {any} variant */
export const nameOf = (variant) => (typeof variant === 'string' ? variant : variant?.name ?? variant?.preset ?? '');

export class Variants {
  /** @param {Element} root @param {Element} adders @param {Draft} draft @param {Preset[]} presets */
  constructor(root, adders, draft, presets) {
    this.root = root;
    this.draft = draft;
    this.presets = new Map(presets.map((preset) => [preset.name, preset]));
    /** Which cards show their layers, by place. @type {Set<number>} */
    this.open = new Set();
    fill(adders, h('span', { class: 'muted small' }, 'Add'),
      presets.map((preset) => h('button', { type: 'button', title: preset.description, onclick: () => this.add(preset.name) }, preset.name)),
      h('button', { type: 'button', onclick: () => this.add(null) }, 'a network of your own'));
  }

  /** @returns {any[]} */
  get list() {
    return Array.isArray(this.draft.body.variants) ? this.draft.body.variants : [];
  }

  /** @param {any} variant @returns {any[]} */
  layersOf(variant) {
    if (Array.isArray(variant?.layers)) return variant.layers;
    return this.presets.get(typeof variant === 'string' ? variant : variant?.preset ?? variant?.name)?.layers ?? [];
  }

  /** @param {string | null} preset */
  add(preset) {
    const names = new Set(this.list.map(nameOf));
    let name = preset ?? 'mine';
    for (let i = 2; names.has(name); i += 1) name = `${preset ?? 'mine'} ${i}`;
    const variant = !preset ? { name, layers: structuredClone(this.presets.get('original')?.layers ?? []).map(bare) } : name === preset ? preset : { name, preset };
    this.draft.body.variants = [...this.list, variant];
    if (!preset) this.open = new Set([this.list.length - 1]);
    this.changed();
    /** @type {HTMLElement | null} */ (this.root.lastElementChild?.querySelector('input') ?? null)?.focus();
  }

  changed() {
    this.show();
    this.draft.onChange();
  }

  show() {
    const baseline = this.draft.body.baseline ?? nameOf(this.list[0]);
    let rank = 0;
    const looks = this.list.map((variant) => (nameOf(variant) === baseline ? 0 : lookOf(rank++)));
    fill(this.root, this.list.map((variant, i) => this.card(variant, i, looks[i])));
  }

  /** @param {any} variant @param {number} i @param {number} look */
  card(variant, i, look) {
    const pointer = `/variants/${i}`;
    const name = h('input', { type: 'text', value: nameOf(variant), autocomplete: 'off', maxLength: 100, oninput: () => this.rename(i, name.value) });
    const base = h('input', { type: 'radio', name: 'baseline', checked: look === 0, onchange: () => { this.draft.write('/baseline', i === 0 ? undefined : nameOf(this.list[i])); this.show(); } });
    const layers = h('details', { class: 'fold layers', open: this.open.has(i), ontoggle: () => { if (layers.open) this.open.add(i); else this.open.delete(i); } },
      h('summary', {}, describe(this.layersOf(variant))), this.builder(i));
    return h('fieldset', { class: 'variant-card', 'data-variant': nameOf(variant) }, h('legend', { class: 'visually-hidden' }, `Variant ${nameOf(variant)}`),
      h('div', { class: 'variant-head' }, sample(look), labelled('Name', `${pointer}/name`, name),
        h('label', { class: 'baseline', title: 'The others are compared with it' }, base, 'baseline'),
        h('span', { class: 'muted small number', 'data-parameters': nameOf(variant) }),
        h('button', { type: 'button', class: 'quiet', 'aria-label': `Remove ${nameOf(variant)}`, disabled: this.list.length < 2, onclick: () => this.remove(i) }, '✕')),
      layers);
  }

  /** @param {number} i @param {string} name */
  rename(i, name) {
    const variant = this.list[i], old = nameOf(variant);
    if (typeof variant === 'string') this.list[i] = this.presets.has(variant) ? { name, preset: variant } : name;
    else {
      if (!variant.layers && !variant.preset && this.presets.has(old)) variant.preset = old;
      variant.name = name;
    }
    if (this.draft.body.baseline === old) this.draft.body.baseline = name;
    this.draft.onChange();
  }

  /** @param {number} i */
  remove(i) {
    const [gone] = this.list.splice(i, 1);
    if (this.draft.body.baseline === nameOf(gone)) delete this.draft.body.baseline;
    this.open = new Set();
    this.changed();
  }

  /** The variant with layers of its own, ready to be changed. @param {number} i @returns {any[]} */
  own(i) {
    const variant = this.list[i];
    if (!Array.isArray(variant?.layers)) {
      const { preset, ...rest } = typeof variant === 'string' ? { name: variant, preset: '' } : variant;
      this.list[i] = { ...rest, layers: structuredClone(this.layersOf(variant)).map(bare) };
    }
    return this.list[i].layers;
  }

  /** @param {number} i */
  builder(i) {
    const layers = this.layersOf(this.list[i]);
    const act = (/** @type {(layers: any[]) => void} */ change) => () => { change(this.own(i)); this.open.add(i); this.changed(); };
    const kind = h('select', { 'aria-label': 'Kind of layer' }, Object.entries(FIELDS.layers).map(([name, { title, about }]) => h('option', { value: name, title: about }, title)));
    const samples = h('input', { type: 'text', inputMode: 'decimal', class: 'short', placeholder: 'the job’s', value: this.draft.read(`/variants/${i}/dataset/train_samples`) ?? '',
      oninput: () => { this.own(i); this.draft.write(`/variants/${i}/dataset/train_samples`, parsed(samples.value)); } });
    return h('div', { class: 'layer-list' },
      h('ol', {}, layers.map((layer, j) => this.layer(i, j, layer, act))),
      h('div', { class: 'layer-add' }, kind, h('button', { type: 'button', onclick: act((own) => own.push(fresh(kind.value))) }, 'Add layer'), labelled('Rows to train on', `/variants/${i}/dataset/train_samples`, samples)));
  }

  /** @param {number} i @param {number} j @param {any} layer @param {(change: (layers: any[]) => void) => () => void} act */
  layer(i, j, layer, act) {
    const pointer = `/variants/${i}/layers/${j}`;
    // Editing a preset's layer makes the layers the variant's own first.
    const through = { read: (/** @type {string} */ at) => at.slice(pointer.length + 1).split('/').reduce((node, step) => node?.[step], layer),
      write: (/** @type {string} */ at, /** @type {any} */ value) => { this.own(i); this.draft.write(at, value); this.summarize(i); } };
    const draft = /** @type {any} */ (through);
    const { title, fields } = FIELDS.layers[layer.type] ?? { title: layer.type, fields: [] };
    const main = fields.filter((field) => field.main), rest = fields.filter((field) => !field.main);
    const button = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {boolean} */ off, /** @type {(layers: any[]) => void} */ change) =>
      h('button', { type: 'button', class: 'quiet small', 'aria-label': `${label}: layer ${j + 1}, ${title}`, disabled: off, onclick: act(change) }, sign);
    return h('li', { class: 'layer' }, h('strong', {}, title), h('div', { class: 'fields' }, inputs(draft, main, pointer),
      rest.length > 0 && h('details', { class: 'more' }, h('summary', { class: 'small' }, 'more'), h('div', { class: 'fields' }, inputs(draft, rest, pointer)))),
    h('span', { class: 'layer-buttons' }, button('↑', 'Move up', j === 0, (own) => own.splice(j - 1, 0, ...own.splice(j, 1))),
      button('↓', 'Move down', j === this.layersOf(this.list[i]).length - 1, (own) => own.splice(j + 1, 0, ...own.splice(j, 1))), button('✕', 'Remove', false, (own) => own.splice(j, 1))));
  }

  /** @param {number} i */
  summarize(i) {
    const line = this.root.children[i]?.querySelector('.layers > summary');
    if (line) line.textContent = describe(this.layersOf(this.list[i]));
  }
}

/** A new layer of a kind. @param {string} type */
function fresh(type) {
  return Object.fromEntries([['type', type], ...(FIELDS.layers[type]?.fields ?? []).filter((field) => field.start !== field.default).map((field) => [field.name, field.start])]);
}

/** A layer without its defaults. @param {any} layer */
function bare(layer) {
  const defaults = new Map((FIELDS.layers[layer.type]?.fields ?? []).map((field) => [field.name, field.default]));
  return Object.fromEntries(Object.entries(layer).filter(([name, value]) => value !== null && value !== defaults.get(name)));
}
