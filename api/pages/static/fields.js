/** @file Inputs tied to places of the draft, each with room for what is wrong with it. */

import { fill, h } from './dom.js';

/** @typedef {import('./draft.js').Field} Field */
/** @typedef {import('./draft.js').Draft} Draft */

/** @param {string} label */
export const sentence = (label) => label[0].toUpperCase() + label.slice(1);

let serial = 0;

/**
 * A label, an input, and a line for its error, found by its pointer.
 * @param {string} label @param {string} pointer @param {any} input @param {string} [hint]
 */
export function labelled(label, pointer, input, hint) {
  const id = `field-${++serial}`;
  input.dataset.pointer = pointer;
  input.setAttribute('aria-describedby', id);
  // Beside the label, not in it: an error is no part of the field's name.
  const error = h('span', { id, class: 'error-text small' });
  if (input.type === 'checkbox') return h('div', { class: 'field switch' }, h('label', { class: 'switch-line' }, input, h('span', {}, sentence(label))), error);
  return h('div', { class: 'field' }, h('label', {}, h('span', {}, sentence(label), hint && h('span', { class: 'hint' }, ` ${hint}`)), input), error);
}

/**
 * What was typed as a value: undefined where nothing was, text where it is no number (the service says what is wrong).
 * @param {string} text
 */
export function parsed(text) {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : trimmed;
}

/** A range such as 0-9 gives at most so many values; what would be more stays text, which the service refuses. */
const MOST = 1000;

/** Values with commas between, whole numbers also as a range: 0-9. @param {string} text */
export const list = (text) => text.replace(/(\d)\s*[-–]\s*(?=\d)/g, '$1-').split(/[,;\s]+/).filter(Boolean).flatMap((each) => {
  const [, low, high] = /^(\d+)-(\d+)$/.exec(each) ?? [];
  const count = Number(high) - Number(low) + 1;
  return count >= 1 && count <= MOST ? Array.from({ length: count }, (_, i) => Number(low) + i) : parsed(each);
});

/**
 * The input of one field of the specification. What equals its default is left out of the document.
 * @param {Draft} draft @param {Field} field @param {string} base the pointer of what it lies in
 */
export function input(draft, field, base) {
  const pointer = `${base}/${field.name}`;
  const value = draft.read(pointer);
  const set = (/** @type {any} */ given) => draft.write(pointer, given === field.default && !field.kept ? undefined : given);
  if (field.kind === 'choice') {
    const none = field.default === null && h('option', { value: '' }, 'none');
    const select = h('select', { onchange: () => set(select.value || undefined) }, none, field.choices.map((choice) => h('option', { value: choice }, choice)));
    select.value = value ?? field.default ?? '';
    return labelled(field.label, pointer, select);
  }
  if (field.kind === 'switch') {
    const box = h('input', { type: 'checkbox', checked: value ?? field.default, onchange: () => set(box.checked) });
    return labelled(field.label, pointer, box);
  }
  if (field.kind === 'list') {
    const box = h('input', { type: 'text', autocomplete: 'off', value: [value ?? []].flat().join(', '), oninput: () => draft.write(pointer, list(box.value)) });
    return labelled(field.label, pointer, box);
  }
  const shown = value === undefined ? field.default : value;
  const box = h('input', { type: 'text', inputMode: 'decimal', autocomplete: 'off', class: 'short', value: shown ?? '',
    placeholder: field.required || (field.default !== null && !field.empty) ? '' : field.name === 'train_samples' ? 'all' : 'none',
    oninput: () => set(parsed(box.value) ?? (field.empty ? null : undefined)) });
  return labelled(field.label, pointer, box);
}

/**
 * Switches of which any number may be on; `pointer` is the array of their names, which is left out if it is `usual`.
 * @param {Draft} draft @param {string} legend @param {string} pointer @param {import('./draft.js').Choice[]} choices @param {string[]} [usual]
 */
export function several(draft, legend, pointer, choices, usual = []) {
  const id = `field-${++serial}`;
  const chosen = () => [draft.read(pointer) ?? usual].flat();
  const boxes = choices.map(({ name, title, about }) => {
    const box = h('input', { type: 'checkbox', checked: chosen().includes(name), onchange: () => {
      const others = chosen().filter((each) => each !== name), now = box.checked ? [...others, name] : others;
      draft.write(pointer, now.join() === usual.join() ? undefined : now);
    } });
    return h('label', { class: 'switch-line', title: about }, box, h('span', {}, sentence(title)));
  });
  return h('fieldset', { class: 'field several', 'data-pointer': pointer, 'aria-describedby': id }, h('legend', {}, legend), boxes, h('span', { id, class: 'error-text small' }));
}

/**
 * One of several kinds, or none, and the fields of the one chosen. Of a field that varies, none means a number.
 * @param {Draft} draft @param {Field} field @param {string} base @returns {any[]}
 */
function kinds(draft, field, base) {
  const pointer = `${base}/${field.name}`, own = h('div', { class: 'fields' });
  const value = draft.read(pointer), object = value !== null && typeof value === 'object';
  const show = () => {
    const kind = field.family[select.value];
    fill(own, kind ? inputs(draft, kind.fields, kind.within ? `${pointer}/${kind.within}` : pointer) : field.varies && input(draft, { ...field, kind: 'number' }, base));
  };
  const select = h('select', { onchange: () => { draft.write(pointer, select.value ? begun(field, select.value) : undefined); show(); } },
    h('option', { value: '' }, field.varies ? 'constant' : 'none'), Object.entries(field.family).map(([name, { title, about }]) => h('option', { value: name, title: about }, title)));
  select.value = Object.keys(field.family).find((name) => object && (name === value[field.tag] || field.family[name].within in value)) ?? '';
  show();
  return [labelled(field.varies ? field.tag : field.label, field.varies ? `${pointer}/${field.tag}` : pointer, select), own];
}

/** A kind of a field as a form begins it. @param {Field} field @param {string} name */
function begun(field, name) {
  const { fields, within } = field.family[name];
  const starts = Object.fromEntries(fields.filter((each) => JSON.stringify(each.start) !== JSON.stringify(each.default)).map((each) => [each.name, each.start]));
  return within ? { [within]: starts } : { [field.tag]: name, ...starts };
}

/** The numbers that a field is made of, such as the strengths of a penalty. @param {Draft} draft @param {Field} field @param {string} base */
export function numbers(draft, field, base) {
  const pointer = `${base}/${field.name}`;
  return field.parts.map(({ name, label }) => {
    const box = h('input', { type: 'text', inputMode: 'decimal', autocomplete: 'off', class: 'short', value: draft.read(`${pointer}/${name}`) || '', placeholder: '0',
      oninput: () => draft.write(`${pointer}/${name}`, parsed(box.value) || undefined) });
    return labelled(`${field.label.replace('kernel regularizer', '').replace(' regularizer', '')} ${label}`.trim(), `${pointer}/${name}`, box);
  });
}

/** @param {Draft} draft @param {Field[]} fields @param {string} base @returns {any[]} */
export const inputs = (draft, fields, base) =>
  fields.filter((field) => field.kind !== 'nested').flatMap((field) =>
    field.kind === 'parts' ? numbers(draft, field, base) : field.kind === 'family' ? kinds(draft, field, base) : [input(draft, field, base)]);

/**
 * Puts each error beside its field.
 * @param {Element} form @param {{pointer: string, code: string, detail: string}[]} errors
 * @returns {{pointer: string, code: string, detail: string}[]} those that have no field
 */
export function showErrors(form, errors) {
  /** @type {Map<string, HTMLInputElement>} */
  const places = new Map();
  for (const place of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll('[data-pointer]'))) {
    place.removeAttribute('aria-invalid');
    const line = document.getElementById(place.getAttribute('aria-describedby') ?? '');
    if (line) line.textContent = '';
    places.set(place.dataset.pointer ?? '', place);
  }
  return errors.filter((error) => {
    let pointer = error.pointer;
    while (pointer && !places.has(pointer)) pointer = pointer.slice(0, pointer.lastIndexOf('/'));
    const place = places.get(pointer);
    const line = place && document.getElementById(place.getAttribute('aria-describedby') ?? '');
    if (!place || !line) return true;
    place.setAttribute('aria-invalid', 'true');
    line.textContent = line.textContent ? `${line.textContent}; ${error.detail}` : error.detail;
    const fold = place.closest('details');
    if (fold) fold.open = true;
    return false;
  });
}
