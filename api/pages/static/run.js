/** @file The page of a run's model: a row is written, and predicted; its words are coloured by their effects. */

import { get, request } from './api.js';
import { byId, fill, h } from './dom.js';
import { count, datasetName, signed } from './format.js';
import { showProblem } from './status.js';
import { Table } from './table.js';

/** @typedef {{column: string, kind: string, mean?: number, values?: string[]}} Column */
/** @typedef {{column: string, input: string, effect: number}} Contribution */

const UNKNOWN = '[UNK]';
/** How many strengths of colour there are. */
const LEVELS = 4;
const MOST_CLASSES = 5, MOST_VALUES = 200;

const run = document.body.dataset.run ?? '', form = byId('ask'), button = form.querySelector('button');
/** The columns of a row, each with what is written of it. @type {{column: Column, box: any}[]} */
let boxes = [];

/** @param {Column} column */
function boxOf(column) {
  if (column.kind === 'text') return h('textarea', { rows: 4, maxLength: 100_000 });
  if (column.kind === 'number') return h('input', { type: 'number', step: 'any', value: String(Number(column.mean?.toPrecision(4))) });
  const values = column.values ?? [];
  if (values.length > MOST_VALUES) return h('input', { value: values[0] });
  return h('select', {}, values.map((value) => h('option', { value }, value)), h('option', { value: '' }, 'none of these'));
}

/** What is written in a box, as a row has it. @param {{column: Column, box: any}} written */
function valueOf({ column, box }) {
  if (column.kind === 'text') return box.value;
  if (box.value === '') return null;
  return column.kind === 'number' ? Number(box.value) : box.value;
}

/** ASCII letters and punctuation alone, as the model reads texts. @param {string} text */
const plain = (text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/**
 * A text, its words marked by their effects: as whole words without punctuation, or cut at it.
 * @param {string} text
 * @param {Map<string, number>} effects
 * @param {number} most the largest effect of all inputs
 */
function coloured(text, effects, most) {
  /** @param {string} piece @param {string} word */
  const marked = (piece, word) => {
    const effect = effects.get(word);
    if (effect === undefined) return h('span', { class: 'unknown', title: 'not among the words that the model knows' }, piece);
    const level = most ? Math.ceil((LEVELS * Math.abs(effect)) / most) : 0;
    return h('mark', { class: `${effect < 0 ? 'lowers' : 'raises'} level-${level}`, title: signed(effect), 'aria-label': `${piece}, ${signed(effect)}` }, piece);
  };
  return text.split(/(\s+)/).flatMap((chunk) => {
    const word = plain(chunk).replace(/[!-/:-@[-`{-~]/g, '');
    if (!word.trim()) return [chunk];
    if (effects.has(word) || !/[!-&(-/:-@[-`{-~]/.test(chunk)) return [marked(chunk, effects.has(word) ? word : plain(chunk))];
    return chunk.split(/([!-&(-/:-@[-`{-~]+)/).map((piece, i) => (i % 2 || !piece ? piece : marked(piece, plain(piece))));
  });
}

/** @param {any} prediction */
function inWords({ label, probabilities, value }) {
  if (!probabilities) return h('p', { class: 'said' }, 'Predicted: ', h('strong', {}, String(Number(value.toPrecision(5)))));
  const chances = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  return h('p', { class: 'said' }, h('strong', {}, label), ` · ${chances.slice(0, MOST_CLASSES).map(([name, chance]) => `${name} ${(100 * chance).toFixed(1)}%`).join(', ')}`,
    chances.length > MOST_CLASSES && ` and ${count(chances.length - MOST_CLASSES)} more`);
}

/** What an effect is the difference of. @param {any} prediction @param {string[] | null} classes */
const measured = ({ label, probabilities }, classes) =>
  (probabilities ? `the probability of ${classes?.length === 2 ? classes[1] : label}` : 'the prediction');

/** @param {any} prediction @param {string[] | null} classes */
function show(prediction, classes) {
  /** @type {Contribution[]} */
  const contributions = prediction.contributions;
  const most = Math.max(0, ...contributions.map((each) => Math.abs(each.effect)));
  const of = measured(prediction, classes);
  const texts = boxes.filter(({ column }) => column.kind === 'text').map(({ column, box }) => {
    const own = contributions.filter((each) => each.column === column.column && each.input !== UNKNOWN);
    return h('p', { class: 'effects', lang: '' }, coloured(box.value, new Map(own.map((each) => [each.input, each.effect])), most));
  });
  const table = h('div', {});
  const key = h('p', { class: 'muted small' }, 'Without it, ', of, ' would be ', h('mark', { class: 'raises level-2' }, 'lower'), ' or ', h('mark', { class: 'lowers level-2' }, 'higher'), '; the stronger the colour, the more. Dotted words are not known to the model.');
  fill(byId('answer'), h('div', { class: 'card' }, h('h2', {}, 'Answer'), inWords(prediction), texts, texts.length > 0 && key, table));
  new Table(table, [
    { name: 'Input', sort: (/** @type {Contribution} */ each) => each.input, cell: (each) => (each.input === UNKNOWN ? 'all words that are not known' : each.input) },
    ...(boxes.length > 1 ? [{ name: 'Column', sort: (/** @type {Contribution} */ each) => each.column, cell: (/** @type {Contribution} */ each) => each.column }] : []),
    { name: 'Effect', number: true, title: `How much it changes ${of}`, sort: (each) => Math.abs(each.effect), cell: (each) => signed(each.effect) },
  ], { caption: 'What each input contributes', key: (each) => `${each.column} ${each.input}` }).show(contributions);
}

/** @param {string[] | null} classes */
async function ask(classes) {
  button.disabled = true;
  try {
    const row = Object.fromEntries(boxes.map((each) => [each.column.column, valueOf(each)]));
    const body = JSON.stringify({ rows: [row] });
    const answer = await request(`/v1/runs/${run}/predict`, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
    fill(byId('problem'));
    show((await answer.json()).predictions[0], classes);
  } catch (problem) {
    fill(byId('answer'));
    showProblem(byId('problem'), problem);
  } finally {
    button.disabled = false;
  }
}

async function load() {
  try {
    const own = await get(`/v1/runs/${run}`);
    const job = await get(`/v1/jobs/${own.job_id}`);
    byId('title').textContent = `${own.variant}, seed ${own.seed}`;
    fill(byId('run'), 'A run of ', h('a', { href: `/jobs/${job.id}` }, job.name), ` on ${datasetName(job.spec.dataset)}.`);
    const { columns, classes } = await get(`/v1/runs/${run}/preprocessing.json`);
    boxes = columns.map((/** @type {Column} */ column) => ({ column, box: boxOf(column) }));
    fill(byId('columns'), boxes.map(({ column, box }) => h('div', { class: `field ${column.kind}` }, h('label', {}, h('span', {}, column.column), box))));
    form.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      ask(classes);
    });
    button.disabled = false;
  } catch (problem) {
    fill(byId('columns'));
    showProblem(byId('problem'), problem);
  } finally {
    form.setAttribute('aria-busy', 'false');
  }
}

load();
