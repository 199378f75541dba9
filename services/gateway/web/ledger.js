/* The ledger of a file: what became of each of its pages, and why some could not be read. */

import { listPages } from "/api.js";
import { count, number } from "/dom.js";

/** @typedef {import("/api.js").LedgerPage} LedgerPage */

/* status -> how it is told of a number of pages */
const STATUSES = {
    text: "with text",
    ocr: "read by OCR",
    empty: "empty",
    failed: "failed",
    timed_out: "timed out",
    waiting: "waiting",
};

const UNREAD = ["failed", "timed_out"];

function element(name, className, ...content) {
    const made = document.createElement(name);
    made.className = className;
    made.append(...content);
    return made;
}

/** "118 with text · 2 read by OCR" @param {LedgerPage[]} pages */
function summary(pages) {
    const parts = Object.entries(STATUSES).map(([status, words]) => {
        const those = pages.filter((page) => page.status === status).length;
        return those ? `${number(those)} ${words}` : "";
    });
    return parts.filter(Boolean).join(" · ");
}

/* One small square a page. Not read aloud: the summary and the list of reasons say the same. */
function squares(pages) {
    const grid = element("div", "squares");
    grid.setAttribute("aria-hidden", "true");
    for (const { page, status } of pages) {
        const square = element("span", `square ${status}`);
        square.dataset.page = page;
        square.title = `Page ${page}: ${STATUSES[status] ?? status}`;
        grid.append(square);
    }
    return grid;
}

/** Pages in runs with the same reason, so that a long file's trouble stays short. */
function runs(pages) {
    const found = [];
    for (const { page, status, reason } of pages) {
        const last = found.at(-1);
        const why = reason || STATUSES[status];
        if (last?.why === why && last.last === page - 1)
            last.last = page;
        else
            found.push({ first: page, last: page, why });
    }
    return found;
}

function reasons(pages) {
    const list = element("ul", "reasons");
    for (const { first, last, why } of runs(pages)) {
        const where = first === last ? `Page ${first}` : `Pages ${first}–${last}`;
        list.append(element("li", "", element("strong", "", where), ` ${why}`));
    }
    return list;
}

/**
 * Shows a file's ledger in an element.
 * @param {HTMLElement} place
 * @param {string} fileId
 */
export async function showLedger(place, fileId) {
    try {
        const pages = await listPages(fileId);
        const unread = pages.filter((page) => UNREAD.includes(page.status));
        place.replaceChildren(element("p", "quiet", summary(pages)), squares(pages));
        if (unread.length)
            place.append(element("p", "quiet", `${count(unread.length, "page")} could not be read:`),
                         reasons(unread));
    } catch (error) {
        place.replaceChildren(element("p", "reason", error.message));
    }
}
