/** @file A table that sorts by its columns, and shows the rows that have some text. */

import { fill, h, scrolling } from './dom.js';
import { count } from './format.js';

/**
 * @template T
 * @typedef {{name: string, title?: string, number?: boolean, cell: (row: T) => import('./dom.js').Child | import('./dom.js').Child[], sort?: (row: T) => string | number | null | undefined, more?: boolean}} Column
 *   `more`: whether it is shown only if more columns are asked for
 */

/** From so many rows on they may be filtered; beyond so many the table scrolls by itself, below its heading. */
const MANY = 6, TALL = 14;

/** What takes the focus in a row. @param {Element} row */
const controls = (row) => [...row.querySelectorAll('a, button, input')];

/** @template T */
export class Table {
  /**
   * @param {Element} root
   * @param {Column<T>[]} columns
   * @param {{caption: string, key: (row: T) => string, onPick?: (row: T | null) => void, text?: (row: T) => string}} options
   *   `text`: what a row is found by
   */
  constructor(root, columns, { caption, key, onPick = () => {}, text }) {
    this.all = this.columns = columns;
    /** @type {HTMLElement[]} */
    this.heads = [];
    this.key = key;
    this.onPick = onPick;
    this.text = text;
    /** @type {T[]} */
    this.rows = [];
    this.by = -1;
    this.descending = false;
    this.body = h('tbody');
    this.search = h('input', { type: 'search', autocomplete: 'off', placeholder: 'some words', oninput: () => this.show(this.rows) });
    this.found = h('span', { class: 'muted small', role: 'status' });
    this.filter = h('div', { class: 'table-filter', hidden: true }, h('label', { class: 'field' }, h('span', {}, `Show ${caption.toLowerCase()} with`), this.search), this.found);
    this.head = h('tr');
    this.frame = scrolling(caption, h('thead', {}, this.head), this.body);
    const more = h('input', { type: 'checkbox', onchange: () => this.choose(more.checked) });
    fill(root, this.filter, columns.some((column) => column.more) && h('label', { class: 'more-columns small' }, more, 'More columns'), this.frame);
    this.choose(false);
  }

  /** @param {boolean} more whether all columns are shown */
  choose(more) {
    const by = this.columns[this.by];
    this.columns = this.all.filter((column) => more || !column.more);
    this.by = this.columns.indexOf(by);
    this.heads = this.columns.map((column, i) => h('th', { scope: 'col', class: column.number ? 'number' : '' },
      column.sort ? h('button', { type: 'button', class: 'sort', title: column.title ?? '', onclick: () => this.sort(i) }, column.name)
        : h('span', { title: column.title ?? '' }, column.name)));
    this.marked();
    fill(this.head, this.heads);
    fill(this.body);
    this.show(this.rows);
  }

  /** Says by which column the rows are sorted. */
  marked() {
    this.heads.forEach((head, i) => {
      if (i === this.by) head.setAttribute('aria-sort', this.descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
  }

  /** @param {number} column */
  sort(column) {
    this.descending = this.by === column ? !this.descending : false;
    this.by = column;
    this.marked();
    this.show(this.rows);
  }

  /** @param {T[]} rows */
  show(rows) {
    this.rows = rows;
    const by = this.columns[this.by]?.sort;
    const left = this.filtered(rows);
    const sorted = by ? [...left].sort((a, b) => this.compare(by(a), by(b))) : left;
    const focused = document.activeElement, row = this.body.contains(focused) ? focused?.closest('tr') : null;
    const place = row ? controls(row).indexOf(/** @type {Element} */ (focused)) : -1;
    this.place(sorted.map((row) => h('tr', { 'data-key': this.key(row), onpointerenter: () => this.onPick(row), onpointerleave: () => this.onPick(null) },
      this.columns.map((column, i) => h(i ? 'td' : 'th', { class: column.number ? 'number' : '', ...(i ? {} : { scope: 'row' }) }, column.cell(row))))));
    const again = row && [...this.body.rows].find((/** @type {HTMLElement} */ each) => each.dataset.key === row.dataset.key);
    if (again) /** @type {HTMLElement | undefined} */ (controls(again)[place])?.focus();
  }

  /**
   * Shows these rows. What is the same as before stays where it is: a button that is replaced amid a click is not pressed.
   * @param {HTMLTableRowElement[]} rows
   */
  place(rows) {
    const before = new Map([...this.body.rows].map((row) => [row.dataset.key, row]));
    const after = rows.map((row) => {
      const same = before.get(row.dataset.key);
      if (!same) return row;
      [...row.cells].forEach((cell, i) => {
        // What is chosen in a box is no part of what is compared.
        if (cell.querySelector('input') || !cell.isEqualNode(same.cells[i])) same.cells[i].replaceWith(cell);
      });
      return same;
    });
    if (after.length !== this.body.rows.length || after.some((row, i) => row !== this.body.rows[i])) fill(this.body, after);
  }

  /** The rows that have every word that is looked for. @param {T[]} rows */
  filtered(rows) {
    const { text } = this;
    this.filter.hidden = !text || rows.length < MANY;
    this.frame.classList.toggle('tall', rows.length > TALL);
    const words = this.filter.hidden ? [] : this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const left = text && words.length ? rows.filter((row) => words.every((/** @type {string} */ word) => text(row).toLowerCase().includes(word))) : rows;
    this.found.textContent = words.length ? `${count(left.length)} of ${count(rows.length)}` : '';
    return left;
  }

  /** What is missing comes last either way. @param {any} a @param {any} b */
  compare(a, b) {
    if (a === b) return 0;
    if (a === null || a === undefined) return 1;
    if (b === null || b === undefined) return -1;
    const order = typeof a === 'string' ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
    return this.descending ? -order : order;
  }

  /** Brings rows out. @param {(row: T) => boolean} which */
  highlight(which) {
    const keys = new Set(this.rows.filter(which).map(this.key));
    for (const row of this.body.rows) row.classList.toggle('front', keys.has(row.dataset.key));
  }
}
