/* The question and the chosen files in the page's address (#q=…&in=…), so that a search can be
 * linked to, reloaded and gone back to. */

const LONGEST_QUESTION = 4000;   /* characters; a longer one is asked, but not remembered */

/** @typedef {{question: string, scope: string[]}} Address */

/** @returns {Address} */
export function readAddress() {
    const values = new URLSearchParams(location.hash.slice(1));
    return {
        question: values.get("q") ?? "",
        scope: (values.get("in") ?? "").split(",").filter(Boolean),
    };
}

/** Writes without an event; an address that says the same already stays. @param {Address} address */
export function writeAddress({ question, scope }) {
    const address = { question: question.length > LONGEST_QUESTION ? "" : question, scope };
    if (JSON.stringify(address) === JSON.stringify(readAddress()))
        return;
    const values = new URLSearchParams();
    if (address.question)
        values.set("q", address.question);
    if (scope.length)
        values.set("in", scope.join(","));
    history.pushState(null, "", values.size ? `#${values}` : location.pathname);
}
