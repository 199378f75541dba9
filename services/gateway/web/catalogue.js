/* What the page knows of the files: loaded from the API, kept up to date by progress events. */

import { attachFile, deleteFile, getFile, listFiles, listShelfIds } from "/api.js";

/** @typedef {import("/api.js").ApiFile & {onShelf: boolean}} ShelfFile */

const STEPS = ["queued", "reading", "indexing", "completed", "failed"];

/** Whether a file has nothing more to come. */
export const isFinished = (file) => file.state === "completed" || file.state === "failed";

/** How far a file is, so that a late answer never takes it back. */
const farther = (a, b) =>
    STEPS.indexOf(a.state) - STEPS.indexOf(b.state)
    || a.pages_done - b.pages_done || a.vectors - b.vectors;

/* Dispatches "change" when anything is new, "finished" with the file, "removed" with its id, and
 * "unknown" when it hears of a file that only load() can tell it of. */
export class Catalogue extends EventTarget {
    /** @type {Map<string, ShelfFile>} newest first */
    files = new Map();
    loaded = false;
    #changes = new Map();   /* id -> when it was last added or removed here */
    #clock = 0;
    #replaced = new Map();  /* id -> the id of the file that this one was uploaded in place of */

    /** A file whose replacement is here too is not shown any more. */
    get shelf() {
        const onShelf = [...this.files.values()].filter((file) => file.onShelf);
        const gone = new Set(onShelf.map((file) => this.#replaced.get(file.id)));
        return onShelf.filter((file) => !gone.has(file.id));
    }

    get others() {
        return [...this.files.values()].filter((file) => !file.onShelf);
    }

    /** Takes over the API's lists; what was changed here while they came stays as it is. */
    async load() {
        const begun = ++this.#clock;
        const [listed, shelfIds] = await Promise.all([listFiles(), listShelfIds()]);
        const onShelf = new Set(shelfIds);
        const isLocal = (id) => this.#changes.get(id) > begun;
        const kept = [...this.files.values()].filter((file) => isLocal(file.id));
        const fresh = listed.filter((file) => !isLocal(file.id))
            .map((file) => ({ ...this.#farthest(file), onShelf: onShelf.has(file.id) }));
        this.files = new Map([...kept, ...fresh].map((file) => [file.id, file]));
        this.loaded = true;
        this.#changed();
    }

    /** A file that has just been uploaded and attached. @param {import("/api.js").ApiFile} file */
    add(file) {
        this.#changes.set(file.id, ++this.#clock);
        const added = { ...this.#farthest(file), onShelf: true };
        this.files.delete(file.id);
        this.files = new Map([[file.id, added], ...this.files]);
        this.#changed();
    }

    async attach(id) {
        await attachFile(id);
        this.add(this.files.get(id));
    }

    async remove(id) {
        await deleteFile(id);
        this.#forget(id);
    }

    /** From now on a file stands in place of another, if it was uploaded for that. */
    putInPlace(id, replaced) {
        if (replaced)
            this.#replaced.set(id, replaced);
    }

    /** Both are shown again. */
    putBeside(id) {
        if (this.#replaced.delete(id))
            this.#changed();
    }

    /** Removes the file that this one stands in place of. One that stays on the server is shown. */
    async removeReplaced(id) {
        if (!this.#replaced.has(id))
            return;
        try {
            await this.remove(this.#replaced.get(id));
        } catch {
            this.putBeside(id);
            this.dispatchEvent(new Event("unknown"));
        }
    }

    /** What stays the same when a file takes the place of another: the id of the first. */
    placeOf(id) {
        while (this.#replaced.has(id))
            id = this.#replaced.get(id);
        return id;
    }

    /** @param {import("/events.js").Progress} progress */
    apply(progress) {
        const file = this.files.get(progress.file_id);
        if (progress.state === "deleted")
            return this.#forget(progress.file_id);
        if (!file)
            return this.#changes.has(progress.file_id) || this.dispatchEvent(new Event("unknown"));
        const next = { ...file, state: progress.state ?? file.state,
                       status_details: progress.reason || file.status_details };
        for (const number of ["pages", "pages_done", "chunks", "vectors"])
            next[number] = Math.max(progress[number], file[number]);
        if (farther(next, file) < 0)
            return false;
        this.files.set(file.id, next);
        if (isFinished(next) && !isFinished(file)) {
            this.dispatchEvent(new CustomEvent("finished", { detail: next }));
            this.#complete(next.id);
        }
        return this.#changed();
    }

    /* Events don't carry all: failed pages, the title. */
    async #complete(id) {
        const whole = await getFile(id).catch(() => null);
        const known = this.files.get(id);
        if (!whole || !known)
            return;
        this.files.set(id, { ...this.#farthest(whole), onShelf: known.onShelf });
        this.#changed();
    }

    #farthest(file) {
        const known = this.files.get(file.id);
        return known && farther(known, file) > 0 ? { ...file, ...known } : file;
    }

    #forget(id) {
        this.#changes.set(id, ++this.#clock);
        if (!this.files.delete(id))
            return;
        this.dispatchEvent(new CustomEvent("removed", { detail: id }));
        this.#changed();
    }

    #changed() {
        this.dispatchEvent(new Event("change"));
    }
}
