/* The page of the chosen passage beside the passages, where the screen is wide enough for it. */

import { byId, partsOf, setText } from "/dom.js";
import { viewOf } from "/passage.js";
import { Picture } from "/picture.js";

const WIDE = matchMedia("(min-width: 820px)");   /* as in style.css */

/** Whether a chosen passage's page can be seen beside the passages. */
export const hasPreview = () => WIDE.matches;

export class Preview {
    #search;
    #parts = partsOf(byId("preview"));
    #picture = new Picture(this.#parts);

    /**
     * @param {import("/search.js").Search} search
     * @param {import("/viewer.js").Viewer} viewer
     */
    constructor(search, viewer) {
        this.#search = search;
        for (const event of ["change", "select"])
            search.addEventListener(event, () => this.#show());
        WIDE.addEventListener("change", () => this.#show());
        this.#parts.root.querySelector("button")
            .addEventListener("click", () => viewer.showPassage(search.selected));
    }

    #show() {
        const { passage } = this.#search;
        this.#parts.root.hidden = !passage;
        if (!passage)
            return this.#picture.clear();
        setText(this.#parts.name, passage.filename);
        setText(this.#parts.page, `page ${passage.page}`);
        return hasPreview() ? this.#picture.show(viewOf(passage), this.#parts.root.clientWidth) : undefined;
    }
}
