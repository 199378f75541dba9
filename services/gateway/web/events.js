/* The stream of progress (server-sent events), kept open while the page is seen.
 *
 * A hidden page closes it: browsers allow few connections to one server, and a stream in each of
 * six tabs would leave none for anything else. */

const FIRST_REST_MS = 1000;
const LONGEST_REST_MS = 15000;

/**
 * @typedef {{file_id: string, filename: string, state: string, pages: number, pages_done: number,
 *            chunks: number, vectors: number, reason: ?string}} Progress
 */

export class ProgressStream extends EventTarget {
    #source = null;
    #rest = FIRST_REST_MS;
    #timer = 0;

    /** Dispatches "open" (events may have been missed before it), "progress" and "lost". */
    start() {
        document.addEventListener("visibilitychange", () => this.#follow());
        addEventListener("online", () => this.#follow());
        this.#follow();
    }

    #follow() {
        clearTimeout(this.#timer);
        this.#close();
        if (!document.hidden)
            this.#open();
    }

    #open() {
        const source = this.#source = new EventSource("/v1/events");
        source.onopen = () => {
            this.#rest = FIRST_REST_MS;
            this.dispatchEvent(new Event("open"));
        };
        source.onerror = () => this.#tryLater();
        source.addEventListener("progress", (event) =>
            this.dispatchEvent(new CustomEvent("progress", { detail: JSON.parse(event.data) })));
    }

    /* The browser's own retry gives up at any answer but 200, so it is not left to it. */
    #tryLater() {
        this.#close();
        this.dispatchEvent(new Event("lost"));
        this.#timer = setTimeout(() => this.#follow(), this.#rest);
        this.#rest = Math.min(this.#rest * 2, LONGEST_REST_MS);
    }

    #close() {
        this.#source?.close();
        this.#source = null;
    }
}
