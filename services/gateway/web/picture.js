/* A picture of a page in an <img>: its width chosen for the screen, the old one dimmed until the
 * new one is there, and when it does not come, the API's reason in its place. */

import { imageProblem, imageUrl, letGo, pictureSource } from "/api.js";
import { setNotice } from "/dom.js";

const WIDTH_STEP = 200;   /* few widths, so that pictures are found in caches */
const WIDEST = 2400;

/** Pixels to ask for, for a picture shown that many CSS pixels wide. */
function pictureWidth(shown) {
    const wanted = shown * Math.min(devicePixelRatio || 1, 3);
    return Math.min(WIDEST, Math.max(WIDTH_STEP, Math.ceil(wanted / WIDTH_STEP) * WIDTH_STEP));
}

/** @typedef {{file: string, name: string, page: number, highlight?: string}} PageView */

/** @param {PageView} view */
const altOf = ({ name, page, highlight }) =>
    `Page ${page} of ${name}${highlight ? ", with the passage marked" : ""}`;

export class Picture {
    #url = "";
    #abort = new AbortController();

    /** @param {{image: HTMLImageElement, message: HTMLElement}} parts */
    constructor({ image, message }) {
        this.image = image;
        this.message = message;
        image.addEventListener("load", () => this.#arrived());
        image.addEventListener("error", () => this.#failed());
    }

    /** @param {PageView} view @param {number} width in CSS pixels */
    show(view, width) {
        const url = imageUrl(view.file, view.page, pictureWidth(width), view.highlight);
        if (url === this.#url)
            return;
        this.#url = url;
        setNotice(this.message, "");
        this.image.setAttribute("aria-busy", "true");
        this.image.alt = altOf(view);
        this.image.hidden = false;
        this.#load(url);
    }

    async #load(url) {
        this.#abort.abort();
        const { signal } = this.#abort = new AbortController();
        try {
            const source = await pictureSource(url, signal);
            if (signal.aborted)
                letGo(source);
            else
                this.image.src = source;
        } catch (error) {
            if (!signal.aborted)
                this.#tell(error.message);
        }
    }

    clear() {
        this.#abort.abort();
        this.#url = "";
        this.image.hidden = true;
        this.image.removeAttribute("src");
        setNotice(this.message, "");
    }

    #arrived() {
        letGo(this.image.src);
        this.image.removeAttribute("aria-busy");
    }

    async #failed() {
        const url = this.#url;
        const problem = url && await imageProblem(url);
        if (url === this.#url && url)
            this.#tell(problem);
    }

    #tell(problem) {
        this.clear();
        setNotice(this.message, problem);
    }
}
