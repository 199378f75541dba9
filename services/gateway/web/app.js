/* Quire's page: what there is, and who tells whom.
 *
 *   files     drop -> uploads -> catalogue <- progress stream;   catalogue -> shelf
 *   question  form, address, scope -> search -> passages, preview, viewer */

import { readAddress, writeAddress } from "/address.js";
import { Catalogue } from "/catalogue.js";
import { byId, setNotice } from "/dom.js";
import { listenForFiles } from "/drop.js";
import { ProgressStream } from "/events.js";
import { Passages } from "/passages.js";
import { Preview } from "/preview.js";
import { Scope, showScope } from "/scope.js";
import { Search } from "/search.js";
import { Shelf } from "/shelf.js";
import { Uploads } from "/uploads.js";
import { Viewer } from "/viewer.js";

const LONGEST_TITLE = 100;   /* characters of the question */
const LOAD_SOON_MS = 400;    /* once for many wishes */
const LOAD_AGAIN_MS = 5000;
const LONG_WAIT_MS = 1500;   /* after this, the page says that it waits */

const catalogue = new Catalogue();
const uploads = new Uploads();
const scope = new Scope();
const search = new Search();
const progress = new ProgressStream();
const viewer = new Viewer(search, catalogue);

new Shelf({ catalogue, uploads, scope, read: (id, page) => viewer.showPage(id, page) });
new Passages(search, viewer, scope);
new Preview(search, viewer);

/* -- files ---------------------------------------------------------------------------------- */

let nextLoad = 0;

function loadIn(milliseconds) {
    clearTimeout(nextLoad);
    nextLoad = setTimeout(load, milliseconds);
}

/** Loads the lists of files; says why when that fails, and tries again. */
async function load() {
    clearTimeout(nextLoad);
    const trouble = byId("trouble");
    const waiting = setTimeout(() => { byId("waiting").hidden = false; }, LONG_WAIT_MS);
    try {
        await catalogue.load();
        trouble.hidden = true;
    } catch (error) {
        trouble.firstElementChild.textContent = error.message;
        trouble.hidden = false;
        loadIn(LOAD_AGAIN_MS);
    }
    clearTimeout(waiting);
    byId("waiting").hidden = true;
}

function followFiles() {
    listenForFiles((files) => files.forEach((file) => uploads.add(file, file.name)));
    uploads.addEventListener("stored", ({ detail }) => catalogue.putInPlace(detail.done.id, detail.replaces));
    uploads.addEventListener("done", ({ detail }) => catalogue.add(detail.done));
    uploads.addEventListener("done", ({ detail }) => catalogue.removeReplaced(detail.done.id));
    uploads.addEventListener("failed", ({ detail }) => catalogue.putBeside(detail.done?.id));
    catalogue.addEventListener("unknown", () => loadIn(LOAD_SOON_MS));
    progress.addEventListener("progress", ({ detail }) => catalogue.apply(detail));
    progress.addEventListener("open", () => { setNotice(byId("connection"), ""); load(); });
    progress.addEventListener("lost", () => setNotice(byId("connection"), "Connection lost. Trying again…"));
    progress.addEventListener("lost", () => catalogue.loaded || load());
    byId("trouble").lastElementChild.addEventListener("click", load);
    addEventListener("beforeunload", (event) => uploads.busy && event.preventDefault());
}

/** Which of the page's parts are there: an empty shelf shows only how to begin. */
function showParts() {
    const isEmpty = !catalogue.files.size && !uploads.all.size;
    const isKnown = catalogue.loaded || uploads.all.size > 0;
    byId("welcome").hidden = !isKnown || !isEmpty;
    byId("shelf").hidden = isEmpty;
    byId("ask").classList.toggle("resting", isKnown && isEmpty);
    const isAsked = search.state !== "idle" && !(isKnown && isEmpty);
    byId("answers").hidden = !isAsked;
    document.body.classList.toggle("asked", isAsked);
    showScope(scope, catalogue);
}

/* -- the question --------------------------------------------------------------------------- */

/** Asks what stands in the form, of the files that are chosen. */
function ask() {
    const question = byId("question").value.trim();
    writeAddress({ question, scope: [...scope.chosen] });
    document.title = question ? `${question.slice(0, LONGEST_TITLE)} – Quire` : "Quire";
    question ? search.ask(question, [...scope.chosen]) : search.clear();
}

/** Takes question and scope from the address: at the start, and when one goes back. */
function takeAddress() {
    const address = readAddress();
    byId("question").value = address.question;
    scope.set(address.scope);
    ask();
}

function followQuestion() {
    const field = byId("question");
    byId("ask").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
    field.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            ask();
        }
    });
    addEventListener("keydown", (event) => {
        if (event.key === "/" && event.target === document.body) {
            event.preventDefault();
            field.focus();
        }
    });
    scope.addEventListener("change", () => search.question && ask());
    catalogue.addEventListener("change", () => catalogue.loaded && scope.keepOnly(catalogue));
    catalogue.addEventListener("finished", () => search.refresh());
    catalogue.addEventListener("removed", ({ detail }) => search.forget(detail));
    byId("scope-all").addEventListener("click", () => scope.set([]));
    addEventListener("popstate", takeAddress);
}

for (const source of [catalogue, uploads, scope, search])
    source.addEventListener("change", showParts);
followFiles();
followQuestion();
takeAddress();
progress.start();       /* its "open" loads the files */
loadIn(LONG_WAIT_MS);   /* unless progress does not come through, as behind a proxy that holds it back */
