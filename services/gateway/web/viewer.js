/* The large view of a page: passage by passage, page by page, as large as one likes. */

import { getPage } from "/api.js";
import { byId, partsOf, setText } from "/dom.js";
import { passageText, viewOf } from "/passage.js";
import { Picture } from "/picture.js";
import { emphasised, termsOf } from "/words.js";

const ROOM_BEFORE_MARK = 0.2;   /* of the stage */
const LARGE_WIDTH = 900;        /* at least, as in style.css */
const FITTED_PART = 0.7;        /* of the stage's width that a page fitted to it takes at most */

export class Viewer {
    #search;
    #catalogue;
    #parts = partsOf(byId("viewer"));
    #picture = new Picture(this.#parts);
    #view = null;      /* a PageView */
    #passage = -1;     /* the passage that is looked at, or -1: just a page */

    /**
     * @param {import("/search.js").Search} search
     * @param {import("/catalogue.js").Catalogue} catalogue
     */
    constructor(search, catalogue) {
        this.#search = search;
        this.#catalogue = catalogue;
        const { root, close, zoom, stage, number } = this.#parts;
        close.addEventListener("click", () => root.close());
        zoom.addEventListener("click", () => this.#zoom());
        this.#picture.image.addEventListener("click", () => this.#zoom());
        this.#picture.image.addEventListener("load", () => this.#scrollToMark());
        number.addEventListener("change", () => this.#goTo(Number(number.value)));
        root.addEventListener("click", (event) => event.target === root && root.close());
        root.addEventListener("keydown", (event) => this.#onKey(event));
        root.addEventListener("close", () => this.#picture.clear());
        new ResizeObserver(() => this.#draw()).observe(stage);
        this.#listenToSteps();
    }

    /** Opens at a passage of the search. */
    showPassage(index) {
        const passage = this.#search.passages[index];
        if (!passage)
            return;
        this.#search.select(index);
        this.#passage = index;
        this.#open(viewOf(passage));
    }

    /** Opens a file at a page. */
    showPage(fileId, page) {
        this.#passage = -1;
        this.#open({ file: fileId, name: this.#catalogue.files.get(fileId).filename, page });
    }

    get #pages() {
        return this.#catalogue.files.get(this.#view.file)?.pages ?? this.#view.page;
    }

    #listenToSteps() {
        const { previousPage, nextPage, previousPassage, nextPassage } = this.#parts;
        previousPage.addEventListener("click", () => this.#goTo(this.#view.page - 1));
        nextPage.addEventListener("click", () => this.#goTo(this.#view.page + 1));
        previousPassage.addEventListener("click", () => this.showPassage(this.#passage - 1));
        nextPassage.addEventListener("click", () => this.showPassage(this.#passage + 1));
    }

    #onKey(event) {
        if (event.target === this.#parts.number || event.ctrlKey || event.metaKey || event.altKey)
            return;
        const act = {
            ArrowLeft: () => this.#goTo(this.#view.page - 1),
            ArrowRight: () => this.#goTo(this.#view.page + 1),
            n: () => this.showPassage(this.#passage + 1),
            p: () => this.showPassage(this.#passage - 1),
            z: () => this.#zoom(),
        }[event.key];
        if (act) {
            event.preventDefault();
            act();
        }
    }

    /* Away from the passage's page there is nothing to mark; back on it, the mark is back. */
    #goTo(page) {
        const passage = this.#search.passages[this.#passage];
        if (!(page >= 1 && page <= this.#pages))
            return this.#showTexts();
        const { file, name } = this.#view;
        return this.#open(passage?.page === page ? viewOf(passage) : { file, name, page });
    }

    #open(view) {
        this.#view = view;
        const { root, stage } = this.#parts;
        if (!root.open) {
            root.showModal();
            stage.focus();
        }
        stage.scrollTo(0, 0);
        this.#showTexts();
        this.#draw();
    }

    #showTexts() {
        const { name, number, total, rank, text, passageSteps } = this.#parts;
        const passage = this.#search.passages[this.#passage];
        setText(name, this.#view.name);
        number.value = this.#view.page;
        setText(total, `of ${this.#pages.toLocaleString("en")}`);
        passageSteps.hidden = !passage;
        text.hidden = !passage;
        if (passage) {
            setText(rank, `Passage ${this.#passage + 1} of ${this.#search.passages.length}`);
            text.replaceChildren(emphasised(passageText(passage), termsOf(this.#search.question)));
        }
        this.#enableSteps();
    }

    #enableSteps() {
        const { previousPage, nextPage, previousPassage, nextPassage } = this.#parts;
        previousPage.disabled = this.#view.page <= 1;
        nextPage.disabled = this.#view.page >= this.#pages;
        previousPassage.disabled = this.#passage <= 0;
        nextPassage.disabled = this.#passage >= this.#search.passages.length - 1;
    }

    #draw() {
        const { root, stage } = this.#parts;
        const width = this.#isLarge ? Math.max(stage.clientWidth, LARGE_WIDTH) : stage.clientWidth * FITTED_PART;
        if (root.open && this.#view)
            this.#picture.show(this.#view, width);
    }

    get #isLarge() {
        return this.#parts.stage.classList.contains("large");
    }

    #zoom() {
        const large = this.#parts.stage.classList.toggle("large");
        this.#parts.zoom.setAttribute("aria-pressed", String(large));
        this.#draw();
        this.#scrollToMark();
    }

    /* A page shown large is taller than the screen: the mark is brought into sight. */
    async #scrollToMark() {
        const view = this.#view;
        if (!this.#isLarge || !view?.highlight)
            return;
        const start = parseInt(view.highlight, 10);
        const page = await getPage(view.file, view.page).catch(() => null);
        const word = page?.words.find((each) => each.end > start);
        if (!word || view !== this.#view)
            return;
        const { stage, image } = this.#parts;
        stage.scrollTo({
            left: word.box[0] / page.width * image.clientWidth - stage.clientWidth * ROOM_BEFORE_MARK,
            top: word.box[1] / page.height * image.clientHeight - stage.clientHeight * ROOM_BEFORE_MARK,
        });
    }
}
