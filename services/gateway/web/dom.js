/* Small help with the document: elements by id, templates, texts, and what is read aloud. */

/** @param {string} id @returns {HTMLElement} */
export const byId = (id) => document.getElementById(id);

/**
 * The elements inside root that carry data-part, by that name; root itself as `root`.
 * @param {HTMLElement} root
 * @returns {Record<string, any>}
 */
export function partsOf(root) {
    const parts = { root };
    for (const element of root.querySelectorAll("[data-part]"))
        parts[element.dataset.part] = element;
    return parts;
}

/** A new copy of a template's element, by its parts. @param {string} id */
export const stamp = (id) => partsOf(byId(id).content.firstElementChild.cloneNode(true));

/** Sets a text only when it is new, so that a selection in it survives. */
export function setText(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

/** Shows a text in an element, or hides the element when there is none. */
export function setNotice(element, text) {
    setText(element, text ?? "");
    element.hidden = !text;
}

/** Brings a list's elements into an order without touching those that stand right already. */
export function setOrder(list, elements) {
    let place = list.firstElementChild;
    for (const element of elements) {
        if (element === place)
            place = place.nextElementSibling;
        else
            list.insertBefore(element, place);
    }
    while (place) {
        const next = place.nextElementSibling;
        place.remove();
        place = next;
    }
}

/** Has a screen reader say something. */
export function announce(text) {
    byId("announcer").textContent = text;
}

/** Runs a function once a frame at most, however often it is asked to. */
export function eachFrame(run) {
    let asked = false;
    return () => {
        if (asked)
            return;
        asked = true;
        requestAnimationFrame(() => { asked = false; run(); });
    };
}

/** "1,600" */
export const number = (value) => value.toLocaleString("en");

/** "1 page", "1,600 pages" */
export const count = (value, word) => `${number(value)} ${word}${value === 1 ? "" : "s"}`;

/** "1.3 MB" */
export function size(bytes) {
    const units = ["B", "kB", "MB", "GB"];
    let step = 0;
    for (; bytes >= 1000 && step < units.length - 1; step++)
        bytes /= 1000;
    return `${bytes.toFixed(step && bytes < 10 ? 1 : 0)} ${units[step]}`;
}
