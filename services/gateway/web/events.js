/* The stream of progress (server-sent events), kept open while the page is seen.
 *
 * A hidden page closes it: browsers allow few connections to one server, and a stream in each of
 * six tabs would leave none for anything else. */

import { progressStream } from "/api.js";

const FIRST_REST_MS = 1000;
const LONGEST_REST_MS = 15000;
const OPEN_WITHIN_MS = 30000;   /* else it is asked for again */

/**
 * @typedef {{file_id: string, filename: string, state: string, pages: number, pages_done: number,
 *            chunks: number, vectors: number, reason: ?string}} Progress
 */

/** The data of one event of progress, or null: a comment, or an event of another kind. */
function progressOf(block) {
    const lines = block.split("\n");
    const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice("data:".length));
    return lines.includes("event: progress") ? JSON.parse(data.join("\n")) : null;
}

/** Reads the stream to its end. @param {ReadableStream} stream @param {(progress: Progress) => void} take */
async function follow(stream, take) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
        const { value, done } = await reader.read();
        if (done)
            return;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        blocks.map(progressOf).filter(Boolean).forEach(take);
    }
}

/* Not an EventSource, which can't send a key. */
export class ProgressStream extends EventTarget {
    #abort = new AbortController();
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

    async #open() {
        const { signal } = this.#abort = new AbortController();
        this.#timer = setTimeout(() => this.#follow(), OPEN_WITHIN_MS);
        try {
            const stream = await progressStream(signal);
            clearTimeout(this.#timer);
            this.#rest = FIRST_REST_MS;
            this.dispatchEvent(new Event("open"));
            await follow(stream, (detail) => this.dispatchEvent(new CustomEvent("progress", { detail })));
        } catch { /* as when it ends: what was wrong shows when it is tried again */ }
        if (!signal.aborted)
            this.#tryLater();
    }

    #tryLater() {
        clearTimeout(this.#timer);
        this.dispatchEvent(new Event("lost"));
        this.#timer = setTimeout(() => this.#follow(), this.#rest);
        this.#rest = Math.min(this.#rest * 2, LONGEST_REST_MS);
    }

    #close() {
        this.#abort.abort();
    }
}
