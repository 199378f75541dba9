/* The API key, asked for when the server wants one. It stays with this tab until that is closed, goes
 * out in a header only (never in an address, which logs and histories keep), and nowhere else. */

import { byId, partsOf, setNotice } from "/dom.js";

const STORED = "quire-key";

/* A browser may forbid storage, as in a frame: then the key lasts as long as the page. */
function stored() {
    try {
        return sessionStorage.getItem(STORED) ?? "";
    } catch {
        return "";
    }
}

let key = stored();
let asking = null;   /* the promise of the dialog that is open */

export const currentKey = () => key;

/** The header that carries a key. @param {string} key @returns {Record<string, string>} */
export const keyHeader = (key) => key ? { Authorization: `Bearer ${key}` } : {};

function keep(next) {
    key = next;
    try {
        sessionStorage.setItem(STORED, next);
    } catch { /* it is asked for again when the page is loaded anew */ }
}

function ask(problem) {
    const { root, form, value, trouble } = partsOf(byId("key"));
    setNotice(trouble, problem);
    root.showModal();
    return new Promise((resolve) => {
        form.onsubmit = (event) => {
            event.preventDefault();
            keep(value.value.trim());
            value.value = "";
            root.onclose = null;
            root.close();
            resolve();
        };
        root.onclose = () => root.showModal();   /* by Escape: nothing here can be used without a key */
    });
}

/**
 * Resolves when there is another key than the one that the server refused; asks for it once, however
 * many calls want it.
 * @param {string} refused @param {string} problem in the server's words
 */
export async function anotherKey(refused, problem) {
    if (key !== refused)
        return;
    asking ??= ask(refused && problem).finally(() => { asking = null; });
    await asking;
}
