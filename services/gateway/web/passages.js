/* The ranked passages: file, page, score, text with the question's words, and the marked page. */

import { imageUrl, letGo, pictureSource } from "/api.js";
import { announce, byId, count, number, setNotice, setText, stamp } from "/dom.js";
import { citation, passageText } from "/passage.js";
import { hasPreview } from "/preview.js";
import { bestStart, emphasised, termsOf } from "/words.js";

const THUMB_WIDTH = 200;
const COPIED_MS = 1500;

/* Characters in the six lines that a passage shows before "Show all", for each pixel of the list. */
const CHARACTERS_IN_SIGHT = 0.5;

/* Where the clipboard's own API is not given (plain http on another host), a selection is copied. */
async function toClipboard(text) {
    if (navigator.clipboard)
        return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.className = "unseen";
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied)
        throw new Error("not allowed");
}

async function copyCitation(button, passage) {
    try {
        await toClipboard(citation(passage));
        setText(button, "Copied");
        announce("Citation copied");
    } catch {
        setText(button, "The browser did not allow copying");
    }
    setTimeout(() => setText(button, "Copy citation"), COPIED_MS);
}

export class Passages {
    #search;
    #viewer;
    #scope;
    #shown = null;   /* the list of passages that stands there now */

    /**
     * @param {import("/search.js").Search} search
     * @param {import("/viewer.js").Viewer} viewer
     * @param {import("/scope.js").Scope} scope
     */
    constructor(search, viewer, scope) {
        this.#search = search;
        this.#viewer = viewer;
        this.#scope = scope;
        this.list = byId("passages");
        search.addEventListener("change", () => this.#show());
        search.addEventListener("select", () => this.#showSelected(true));
        byId("more").addEventListener("click", () => search.more());
        this.list.addEventListener("keydown", (event) => this.#onKey(event));
    }

    #show() {
        const { state, passages, hasMore } = this.#search;
        if (passages !== this.#shown) {
            const terms = termsOf(this.#search.question);
            this.list.replaceChildren(...passages.map((passage, index) => this.#row(passage, index, terms)));
            this.#shown = passages;
        }
        this.list.setAttribute("aria-busy", String(state === "busy"));
        this.#showState();
        this.#showIndexing();
        byId("more").hidden = !hasMore;
        this.#showSelected(false);
    }

    #showState() {
        const { state, passages, problem, scope } = this.#search;
        const nothing = `No passage matches. Try other words${scope.length ? ", or search all files" : ""}.`;
        const words = {
            idle: "",
            busy: passages.length ? "" : "Searching…",
            done: passages.length ? "" : nothing,
            failed: problem,
        };
        const place = byId("answers-state");
        setNotice(place, words[state]);
        place.classList.toggle("bad", state === "failed");
        if (state === "done" && passages.length)
            announce(`${count(passages.length, "passage")} found`);
    }

    #showIndexing() {
        const { chunks, vectors, vectors_failed, words } =
            this.#search.indexed ?? { chunks: 0, vectors: 0, vectors_failed: 0, words: true };
        const byMeaning = vectors + vectors_failed >= chunks ? ""
            : `${number(vectors)} of ${count(chunks, "passage")} can be found by meaning so far, `;
        setNotice(byId("indexing"), !words ? `Still indexing: ${byMeaning}not all by their words yet.`
            : byMeaning && `Still indexing: ${byMeaning}all by their words.`);
    }

    #row(passage, index, terms) {
        const parts = stamp("passage-row");
        setText(parts.name, passage.filename);
        parts.choose.title = passage.filename;
        setText(parts.page, `page ${passage.page}`);
        setText(parts.score, passage.score.toFixed(2));
        this.#fillText(parts, passageText(passage), terms);
        this.#fillThumb(parts, passage);
        this.#listen(parts, passage, index);
        return parts.root;
    }

    #fillText({ text, all }, whole, terms) {
        const room = this.list.clientWidth * CHARACTERS_IN_SIGHT;
        const start = whole.length > room ? bestStart(whole, terms, room) : 0;
        const show = (open) => {
            text.classList.toggle("open", open);
            text.replaceChildren(open || !start ? "" : "… ", emphasised(open ? whole : whole.slice(start), terms));
            setText(all, open ? "Show less" : "Show all");
            all.setAttribute("aria-expanded", String(open));
        };
        all.hidden = whole.length <= room;
        all.addEventListener("click", () => show(!text.classList.contains("open")));
        show(all.hidden);
    }

    #fillThumb({ image, thumb }, passage) {
        const miss = () => thumb.classList.add("missing");
        image.addEventListener("error", miss);
        image.addEventListener("load", () => letGo(image.src));
        pictureSource(imageUrl(passage.file_id, passage.page, THUMB_WIDTH, passage.highlight))
            .then((source) => { image.src = source; }, miss);
        thumb.setAttribute("aria-label", `Open page ${passage.page} of ${passage.filename}`);
    }

    #listen({ root, thumb, choose, copy, only }, passage, index) {
        root.addEventListener("click", () => this.#search.select(index));
        thumb.addEventListener("click", () => this.#viewer.showPassage(index));
        choose.addEventListener("click", () => hasPreview() || this.#viewer.showPassage(index));
        copy.addEventListener("click", () => copyCitation(copy, passage));
        only.addEventListener("click", () => this.#scope.set([passage.file_id]));
        only.hidden = this.#search.scope.length === 1;
    }

    #showSelected(scroll) {
        [...this.list.children].forEach((row, index) => {
            const chosen = index === this.#search.selected;
            row.classList.toggle("selected", chosen);
            row.querySelector(".passage-name").setAttribute("aria-current", String(chosen));
            if (chosen && scroll)
                row.scrollIntoView({ block: "nearest" });
        });
    }

    /* Up and down go from passage to passage. */
    #onKey(event) {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!step)
            return;
        event.preventDefault();
        this.#search.select(this.#search.selected + step);
        this.list.children[this.#search.selected]?.querySelector(".passage-name").focus();
    }
}
