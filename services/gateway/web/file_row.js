/* A file's row on the shelf: its name, how far it is, its pages, and what can be done with it. */

import { contentUrl, fileContent, letGo } from "/api.js";
import { count, number, setNotice, setText, size, stamp } from "/dom.js";
import { isFinished } from "/catalogue.js";
import { currentKey } from "/key.js";
import { showLedger } from "/ledger.js";

/** @typedef {import("/catalogue.js").ShelfFile} ShelfFile */

const ADDED = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const LEDGER_REST_MS = 1000;
const SAVED_MS = 60_000;   /* by then the browser has taken what it is to save */

/** How far a file is, in words and as a part of a whole. @param {ShelfFile} file */
function progressOf(file) {
    const { state, pages, pages_done, pages_failed, chunks, vectors } = file;
    switch (state) {
    case "reading":
        return { words: `Reading ${number(pages_done)} of ${count(pages, "page")}`, value: pages_done, max: pages };
    case "indexing":
        return { words: `Indexing ${number(vectors)} of ${count(chunks, "passage")}`, value: vectors, max: chunks };
    case "completed":
        return { words: count(pages, "page") + (pages_failed ? `, ${pages_failed} not readable` : "") };
    case "failed":
        return { words: "Could not be read" };
    default:
        return { words: "Waiting to be read", value: undefined, max: 1 };
    }
}

const wantsPassword = (file) => ["file_encrypted", "file_wrong_password"].includes(file.error_code);

/* The API's advice speaks to programs; here a field for the password stands below. */
const reasonFor = (file) =>
    file.state !== "failed" ? ""
        : (file.status_details ?? "").replace(/ Upload it again with [^.]*'password'\./, "");

export class FileRow {
    #parts = stamp("file-row");
    #shelf;
    #ledgerAt = 0;
    #ledgerTimer = 0;

    /**
     * @param {ShelfFile} file
     * @param {{scope: import("/scope.js").Scope, catalogue: import("/catalogue.js").Catalogue,
     *          uploads: import("/uploads.js").Uploads,
     *          read: (id: string, page: number) => void}} shelf
     */
    constructor(file, shelf) {
        this.#shelf = shelf;
        this.#parts.choose.title = "Search only the chosen files";
        this.#name(file);
        this.#listen();
        this.update(file);
    }

    get root() {
        return this.#parts.root;
    }

    #name(file) {
        const { choose, title, name, download } = this.#parts;
        this.file = file;
        this.root.dataset.file = file.id;
        setText(title, file.filename);
        name.title = file.filename;
        choose.setAttribute("aria-label", `Search in ${file.filename}`);
        download.href = contentUrl(file.id);
        download.download = file.filename;
    }

    /** @param {ShelfFile} file as it is now, or the one that takes this one's place */
    update(file) {
        const finishes = isFinished(file) && !isFinished(this.file);
        if (file.id !== this.file.id)
            this.#name(file);
        this.file = file;
        const { state, choose, read, reason, unlock, facts } = this.#parts;
        this.root.dataset.state = file.state;
        this.#showProgress(progressOf(file), state);
        choose.checked = this.#shelf.scope.chosen.has(file.id);
        choose.disabled = file.state === "failed";
        read.hidden = !file.pages;
        setNotice(reason, reasonFor(file));
        unlock.hidden = !wantsPassword(file);
        setText(facts, [file.title, size(file.bytes), `added ${ADDED.format(file.created_at * 1000)}`]
            .filter(Boolean).join(" · "));
        if (finishes || !isFinished(file))
            this.#refreshLedger();
    }

    #showProgress({ words, value, max }, state) {
        const { progress } = this.#parts;
        setText(state, words);
        progress.hidden = !max;
        progress.setAttribute("aria-label", `Progress of ${this.file.filename}`);
        progress.max = max || 1;
        value === undefined ? progress.removeAttribute("value") : progress.value = value;
    }

    #listen() {
        const { choose, name, read, download, keep, sure, unlock, ledger, confirm } = this.#parts;
        choose.addEventListener("change", () => this.#shelf.scope.toggle(this.file.id, choose.checked));
        name.addEventListener("click", () => this.#unfold());
        read.addEventListener("click", () => this.#shelf.read(this.file.id, 1));
        download.addEventListener("click", (event) => {
            if (currentKey() && download.href.startsWith("http")) {
                event.preventDefault();
                this.#act(download, () => this.#download());
            }
        });
        this.#parts.delete.addEventListener("click", () => this.#askToDelete(true));
        keep.addEventListener("click", () => this.#askToDelete(false));
        confirm.addEventListener("keydown", (event) => event.key === "Escape" && this.#askToDelete(false));
        sure.addEventListener("click", () => this.#act(sure, () => this.#delete()));
        unlock.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#act(unlock.querySelector("button"), () => this.#unlock());
        });
        ledger.addEventListener("click", (event) => {
            const { page } = event.target.dataset;
            if (page)
                this.#shelf.read(this.file.id, Number(page));
        });
    }

    #unfold() {
        const { more, name } = this.#parts;
        more.hidden = !more.hidden;
        name.setAttribute("aria-expanded", String(!more.hidden));
        this.#ledgerAt = 0;
        this.#refreshLedger();
    }

    /* At most once a second (more rarely for a long file), and the last state surely. */
    #refreshLedger() {
        clearTimeout(this.#ledgerTimer);
        if (this.#parts.more.hidden || !this.file.pages)
            return;
        const rest = this.#ledgerAt + Math.max(LEDGER_REST_MS, this.file.pages) - Date.now();
        this.#ledgerTimer = setTimeout(() => {
            this.#ledgerAt = Date.now();
            showLedger(this.#parts.ledger, this.file.id);
        }, Math.max(0, rest));
    }

    #askToDelete(asked) {
        const { actions, confirm, keep } = this.#parts;
        actions.hidden = asked;
        confirm.hidden = !asked;
        (asked ? keep : this.#parts.delete).focus();
    }

    /* Runs what a button asks for, and shows in the row what went wrong. */
    async #act(button, what) {
        const { trouble, more } = this.#parts;
        button.disabled = true;
        setNotice(trouble, "");
        try {
            await what();
        } catch (error) {
            more.hidden = false;
            setNotice(trouble, error.message);
        }
        button.disabled = false;
    }

    /* A link sends no key: what it leads to is fetched, and the link then leads there. */
    async #download() {
        const { download } = this.#parts;
        const source = download.href = URL.createObjectURL(await fileContent(this.file.id));
        download.click();
        download.href = contentUrl(this.file.id);
        setTimeout(() => letGo(source), SAVED_MS);
    }

    /* The row goes, and with it the focus: the next row takes it. */
    async #delete() {
        const next = this.root.nextElementSibling ?? this.root.previousElementSibling;
        await this.#shelf.catalogue.remove(this.file.id);
        next?.querySelector(".file-name").focus();
    }

    /* The bytes are on the server already: they come back, and go up again with the password. */
    async #unlock() {
        const { password } = this.#parts;
        const bytes = await fileContent(this.file.id);
        this.#shelf.uploads.add(bytes, this.file.filename,
                                { password: password.value, replaces: this.file.id });
        password.value = "";
    }
}
