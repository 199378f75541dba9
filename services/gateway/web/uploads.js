/* Uploads under way: a few at a time, each with its progress, what went wrong, and a second try. */

import { attachFile, uploadFile } from "/api.js";

const UPLOADS_AT_ONCE = 2;

/**
 * @typedef {{key: number, file: Blob, name: string, password: string, replaces: ?string,
 *            state: "waiting"|"sending"|"attaching"|"failed",
 *            sent: number, total: number, problem: string,
 *            done: ?import("/api.js").ApiFile, abort: AbortController}} Upload
 */

/* Dispatches "change" when anything is new, and with the upload: "stored" when the server has the file
 * (again at each further try), "done" when it is searched here too, "failed". */
export class Uploads extends EventTarget {
    /** @type {Map<number, Upload>} */
    all = new Map();
    #keys = 0;

    get busy() {
        return [...this.all.values()].some((upload) => upload.state !== "failed");
    }

    /**
     * @param {Blob} file
     * @param {string} name
     * @param {{password?: string, replaces?: string}} [more] replaces: the id of a file that goes
     *        when this one is there
     */
    add(file, name, { password = "", replaces = null } = {}) {
        const key = ++this.#keys;
        this.all.set(key, {
            key, file, name, password, replaces, state: "waiting", sent: 0, total: file.size,
            problem: "", done: null, abort: new AbortController(),
        });
        this.#next();
    }

    /** Ends an upload, or takes one that failed from the list. */
    cancel(key) {
        this.all.get(key)?.abort.abort();
        this.all.delete(key);
        this.#next();
    }

    retry(key) {
        Object.assign(this.all.get(key), { state: "waiting", problem: "", sent: 0 });
        this.#next();
    }

    #next() {
        const uploads = [...this.all.values()];
        const running = uploads.filter((u) => u.state === "sending" || u.state === "attaching");
        uploads.filter((upload) => upload.state === "waiting")
            .slice(0, UPLOADS_AT_ONCE - running.length)
            .forEach((upload) => this.#run(upload));
        this.#changed();
    }

    async #run(upload) {
        try {
            upload.done ??= await this.#send(upload);
            upload.state = "attaching";
            this.#tell("stored", upload);
            await attachFile(upload.done.id);
            this.all.delete(upload.key);
            this.#tell("done", upload);
        } catch (error) {
            Object.assign(upload, { state: "failed", problem: error.message });
            this.#tell("failed", upload);
        }
        this.#next();
    }

    #send(upload) {
        upload.state = "sending";
        return uploadFile(upload, (sent, total) => {
            Object.assign(upload, { sent, total });
            this.#changed();
        }, upload.abort.signal);
    }

    #tell(what, upload) {
        this.dispatchEvent(new CustomEvent(what, { detail: upload }));
    }

    #changed() {
        this.dispatchEvent(new Event("change"));
    }
}
