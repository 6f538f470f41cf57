/** @file What is in a data set, in words and tables: for the page where one is added, and for its own. */

import { h } from './dom.js';
import { count, plural } from './format.js';
import { Table } from './table.js';

const MOST_CLASSES = 4;
/** Characters of a cell that are shown. */
const MOST_OF_A_CELL = 300;

/** @param {any} dataset */
export function rowsInWords({ rows }) {
  return `${count(rows.train)} to train on, ${rows.test ? `${count(rows.test)} to test on` : 'none to test on'}`;
}

/** @param {any} label */
export function labelInWords(label) {
  if (!label) return '';
  if (!label.classes) return `${label.column}: from ${count(label.min)} to ${count(label.max)}, ${count(label.mean)} on average`;
  const shown = label.classes.slice(0, MOST_CLASSES).map((/** @type {any} */ each) => `${each.label} ${count(each.train)}`).join(', ');
  return `${label.column}: ${shown}${label.classes.length > MOST_CLASSES ? ` and ${count(label.classes.length - MOST_CLASSES)} more` : ''}`;
}

/** @param {any[]} warnings */
export function warningsList(warnings) {
  return warnings.length > 0 && h('ul', { class: 'notes' }, warnings.map((each) => h('li', {}, `${each.detail}${each.rows === null ? '' : `: ${plural(each.rows, 'row')}`}`)));
}

/**
 * The columns but for the label, and what each was taken for.
 * @param {HTMLElement} root @param {any[]} inputs @param {(each: any) => any} kind what stands for a column's kind
 */
export function columnsTable(root, inputs, kind = (each) => each.kind) {
  new Table(root, [
    { name: 'Column', cell: (/** @type {any} */ each) => each.column },
    { name: 'Taken for', cell: kind },
    { name: 'Missing', number: true, cell: (each) => count(each.missing) },
    { name: 'Different values', number: true, cell: (each) => count(each.distinct) },
  ], { caption: 'Columns', key: (each) => each.column }).show(inputs);
}

/** @param {any} value */
function cellOf(value) {
  if (value === null || value === undefined) return h('span', { class: 'muted', title: 'nothing stands here' }, '–');
  const text = String(value);
  return text.length > MOST_OF_A_CELL ? `${text.slice(0, MOST_OF_A_CELL)} …` : text;
}

/** A table for rows as they were read, the label first. @param {HTMLElement} root @param {any} dataset */
export function rowsTable(root, dataset) {
  const kinds = new Map(dataset.inputs.map((/** @type {any} */ each) => [each.column, each.kind]));
  const names = [dataset.label.column, ...[...kinds.keys()]];
  return new Table(root, [
    { name: 'Row', number: true, cell: (/** @type {any} */ each) => count(each.row) },
    ...names.map((name) => ({ name, number: kinds.get(name) === 'number', cell: (/** @type {any} */ each) => cellOf(each.values[name]) })),
  ], { caption: 'Rows', key: (each) => String(each.row) });
}
