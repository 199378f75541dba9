/* Which files the next search looks in: the chosen ones, or all when none is chosen. */

import { byId, count, setText } from "/dom.js";

export class Scope extends EventTarget {
    /** @type {Set<string>} file ids */
    chosen = new Set();

    /** @param {string[]} ids */
    set(ids) {
        this.chosen = new Set(ids);
        this.dispatchEvent(new Event("change"));
    }

    toggle(id, wanted) {
        const next = new Set(this.chosen);
        wanted ? next.add(id) : next.delete(id);
        this.set([...next]);
    }

    /** Drops the files that are no more. @param {import("/catalogue.js").Catalogue} catalogue */
    keepOnly(catalogue) {
        const there = [...this.chosen].filter((id) => catalogue.files.get(id)?.onShelf);
        if (there.length !== this.chosen.size)
            this.set(there);
    }
}

/** Shows the scope above the passages. */
export function showScope(scope, catalogue) {
    const chosen = [...scope.chosen];
    const all = catalogue.shelf.filter((file) => file.state !== "failed").length;
    const names = chosen.map((id) => catalogue.files.get(id)?.filename).filter(Boolean);
    const text = names.length === 1 ? `From \u2068${names[0]}\u2069`
        : names.length ? `From ${names.length} of ${count(all, "file")}`
        : `From ${all === 1 ? "1 file" : `all ${count(all, "file")}`}`;
    setText(byId("scope"), catalogue.loaded ? text : "");
    byId("scope-all").hidden = !names.length;
}
