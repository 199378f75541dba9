/* The search under way and what it found: the passages, and which of them is looked at. */

import { search } from "/api.js";

/* How many passages are asked for at first and each time more are wanted; the API gives at most 50. */
const LIMITS = [10, 25, 50];

/** @typedef {import("/api.js").Passage} Passage */

export class Search extends EventTarget {
    question = "";
    /** @type {string[]} */
    scope = [];
    /** @type {"idle"|"busy"|"done"|"failed"} */
    state = "idle";
    /** @type {Passage[]} */
    passages = [];
    /** @type {?{chunks: number, vectors: number, vectors_failed: number, words: boolean}} */
    indexed = null;
    problem = "";
    selected = -1;
    #limit = LIMITS[0];
    #answered = "";    /* the question that the passages are for */
    #abort = new AbortController();

    get passage() {
        return this.passages[this.selected];
    }

    get hasMore() {
        return this.passages.length >= this.#limit && this.#limit < LIMITS.at(-1);
    }

    /** Dispatches "change" when the state or the passages are new, "select" for another passage. */
    ask(question, scope) {
        this.#limit = LIMITS[0];
        Object.assign(this, { question, scope });
        this.selected = -1;
        return this.#run();
    }

    /** The same question again, with more passages. */
    more() {
        this.#limit = LIMITS[LIMITS.indexOf(this.#limit) + 1];
        return this.#run();
    }

    /** The same again when more of the shelf may be found by now than then. */
    refresh() {
        const { chunks, vectors, vectors_failed, words } = this.indexed ?? {};
        if (this.state === "done" && (!this.passages.length || !words || vectors + vectors_failed < chunks))
            this.#run();
    }

    /** A file is gone, and its passages with it. */
    forget(fileId) {
        if (this.passages.some((passage) => passage.file_id === fileId))
            this.#run();
    }

    clear() {
        this.#abort.abort();
        this.#become({ question: "", state: "idle", passages: [], indexed: null, problem: "", selected: -1 });
    }

    select(index) {
        if (index < 0 || index >= this.passages.length || index === this.selected)
            return;
        this.selected = index;
        this.dispatchEvent(new Event("select"));
    }

    async #run() {
        this.#abort.abort();
        const abort = this.#abort = new AbortController();
        this.#become({ state: "busy" });
        try {
            const found = await search(this.question, this.scope, this.#limit, abort.signal);
            this.#take(found);
        } catch (error) {
            if (!abort.signal.aborted)
                this.#become({ state: "failed", passages: [], problem: error.message, selected: -1 });
        }
    }

    /* The passage that is looked at stays so when it is still among those found. */
    #take({ data, indexed }) {
        const key = ({ file_id, page, start }) => `${file_id} ${page} ${start}`;
        const looked = this.passage && key(this.passage);
        const place = data.findIndex((passage) => key(passage) === looked);
        const same = this.#answered === this.question
            && JSON.stringify(data) === JSON.stringify(this.passages);
        this.#answered = this.question;
        this.#become({
            state: "done", indexed, problem: "", passages: same ? this.passages : data,
            selected: Math.max(place, data.length ? 0 : -1),
        });
    }

    #become(next) {
        Object.assign(this, next);
        this.dispatchEvent(new Event("change"));
    }
}
