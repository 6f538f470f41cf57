/** @file A figure of the service on a page. */

import { request } from './api.js';
import { byId } from './dom.js';

/** A figure that is fetched again when what it is of has changed: by a request, since an image carries no key. */
export class Picture {
  /** @param {string} id of the image */
  constructor(id) {
    this.image = /** @type {HTMLImageElement} */ (byId(id));
    this.state = '';
  }

  /**
   * Its place is kept while it is first fetched: the text that stands for it would flash up.
   * @param {string} path @param {Record<string, string>} query @param {string} state what it is drawn of
   * @param {(width: number) => number} [height] about how high the service draws it, in pixels
   */
  async show(path, query, state, height = (width) => 0.6 * width) {
    const theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
    // As wide as its place, so that its words have a size that can be read there.
    const width = String(100 * Math.floor(Math.min(1000, Math.max(400, /** @type {Element} */ (this.image.parentElement).clientWidth)) / 100));
    const address = `${path}?${new URLSearchParams({ ...query, theme, width })}`;
    if (this.state === `${address} ${state}`) return;
    this.state = `${address} ${state}`;
    const asked = this.state;
    if (!this.image.src) this.image.style.height = `${height(Number(width))}px`;
    this.image.classList.toggle('waiting', !this.image.src);
    const picture = await request(address).then((answer) => answer.blob()).catch(() => null);
    if (asked !== this.state) return;
    if (!picture) this.state = '';
    URL.revokeObjectURL(this.image.src);
    if (picture) this.image.src = URL.createObjectURL(picture);
    if (picture) await this.image.decode().catch(() => null);
    this.image.classList.remove('waiting');
    this.image.style.height = '';
  }
}
