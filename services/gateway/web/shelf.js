/* The shelf: the files, those on their way up, and a summary of both. */

import { announce, byId, count, eachFrame, setNotice, setOrder, setText, size, stamp } from "/dom.js";
import { isFinished } from "/catalogue.js";
import { FileRow } from "/file_row.js";

const FILES_WORTH_FINDING = 8;
const ROWS_AT_ONCE = 200;   /* thousands of rows would hold the browser up for seconds */

/** "12 files, 3 being read" */
function summaryOf(files, uploads) {
    const working = files.filter((file) => !isFinished(file)).length;
    const failed = files.filter((file) => file.state === "failed").length;
    return [
        count(files.length, "file"),
        uploads ? `${uploads} uploading` : "",
        working ? `${working} being read` : "",
        failed ? `${failed} failed` : "",
    ].filter(Boolean).join(", ");
}

/** An upload's row; `update` shows how far it is. */
function uploadRow(upload, uploads) {
    const parts = stamp("upload-row");
    setText(parts.title, upload.name);
    parts.again.addEventListener("click", () => uploads.retry(upload.key));
    parts.drop.addEventListener("click", () => uploads.cancel(upload.key));
    return { root: parts.root, update: (now) => showUpload(parts, now) };
}

function showUpload(parts, { state, sent, total, problem, name }) {
    const failed = state === "failed";
    const words = {
        waiting: "Waiting to be uploaded",
        sending: sent < total ? `Uploading ${size(sent)} of ${size(total)}` : "Uploaded, being stored",
        attaching: "Uploaded, being stored",
        failed: "Not uploaded",
    };
    parts.root.dataset.state = failed ? "failed" : "uploading";
    setText(parts.state, words[state]);
    setNotice(parts.reason, problem);
    parts.progress.hidden = failed;
    parts.progress.setAttribute("aria-label", `Upload of ${name}`);
    parts.progress.max = total || 1;
    parts.progress.value = sent;
    parts.again.hidden = !failed;
    setText(parts.drop, failed ? "Dismiss" : "Cancel");
}

/** The row of a file that only the API knows. */
function otherRow(file, catalogue) {
    const parts = stamp("other-row");
    setText(parts.title, file.filename);
    parts.add.addEventListener("click", async () => {
        try {
            await catalogue.attach(file.id);
        } catch (error) {
            setNotice(parts.trouble, error.message);
        }
    });
    return { root: parts.root, update () {} };
}

/** Keeps one row a thing: makes new ones, updates those that are there, forgets the rest. */
class Rows {
    #rows = new Map();

    constructor(list, make) {
        this.list = list;
        this.make = make;
    }

    /** @param {[string | number, any][]} things by their key, in order */
    show(things) {
        const rows = things.map(([key, thing]) => {
            const row = this.#rows.get(key) ?? this.make(thing);
            row.update(thing);
            return [key, row];
        });
        this.#rows = new Map(rows);
        setOrder(this.list, rows.map(([, row]) => row.root));
    }
}

export class Shelf {
    #catalogue;
    #uploads;
    #fileRows;
    #uploadRows;
    #otherRows;
    #rowsWanted = ROWS_AT_ONCE;

    /** @param {ConstructorParameters<typeof FileRow>[1]} tools */
    constructor(tools) {
        const { catalogue, uploads, scope } = tools;
        this.#catalogue = catalogue;
        this.#uploads = uploads;
        this.#fileRows = new Rows(byId("files"), (file) => new FileRow(file, tools));
        this.#uploadRows = new Rows(byId("uploads"), (upload) => uploadRow(upload, uploads));
        this.#otherRows = new Rows(byId("others").querySelector("ul"), (file) => otherRow(file, catalogue));
        const show = eachFrame(() => this.#show());
        for (const source of [catalogue, uploads, scope])
            source.addEventListener("change", show);
        catalogue.addEventListener("finished", ({ detail }) => this.#announce(detail));
        byId("shelf-find").addEventListener("input", show);
        byId("files-more").addEventListener("click", () => { this.#rowsWanted += ROWS_AT_ONCE; show(); });
        byId("shelf-fold").addEventListener("click", () => this.#fold());
    }

    #show() {
        const files = this.#catalogue.shelf;
        const uploads = [...this.#uploads.all];
        const wanted = byId("shelf-find").value.trim().toLowerCase();
        byId("shelf-find").hidden = files.length < FILES_WORTH_FINDING && !wanted;
        this.#uploadRows.show(uploads.slice(0, ROWS_AT_ONCE));
        this.#showFiles(files.filter((file) => file.filename.toLowerCase().includes(wanted)));
        this.#showOthers(this.#catalogue.others);
        const sending = uploads.filter(([, upload]) => upload.state !== "failed").length;
        setText(byId("shelf-summary"), summaryOf(files, sending));
    }

    /* Failed files stand first: something is to be done about them. */
    #showFiles(files) {
        files.sort((a, b) => (b.state === "failed") - (a.state === "failed"));
        const more = files.length - this.#rowsWanted;
        const rows = files.slice(0, this.#rowsWanted);
        this.#fileRows.show(rows.map((file) => [this.#catalogue.placeOf(file.id), file]));
        byId("files-more").hidden = more <= 0;
        setText(byId("files-more"), `Show more, ${count(more, "file")} left`);
    }

    #showOthers(files) {
        const others = byId("others");
        others.hidden = !files.length;
        setText(others.querySelector("summary"), `${count(files.length, "other file")} on the server`);
        this.#otherRows.show(files.slice(0, this.#rowsWanted).map((file) => [file.id, file]));
    }

    #announce(file) {
        announce(file.state === "completed" ? `${file.filename} can be searched.`
            : `${file.filename} could not be read. ${file.status_details ?? ""}`);
    }

    /* On a small screen the list is folded away under its summary. */
    #fold() {
        const open = byId("shelf").classList.toggle("unfolded");
        byId("shelf-fold").setAttribute("aria-expanded", String(open));
    }
}
