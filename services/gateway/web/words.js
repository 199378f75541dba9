/* Which words of a passage are words of the question. Only for the eye: the server ranks. */

const COMMON = new Set(`a about all an and any are as at be been but by can could did do does for
    from had has have he her his how i if in into is it its me my no not of on or our she should so
    than that the their them there these they this those to was we were what when where which who
    whom whose why will with would you your`.split(/\s+/));

const ENDINGS = [["ies", "y"], ["ing", ""], ["ed", ""], ["es", ""], ["s", ""], ["e", ""]];
const LONGEST_QUESTION = 4000;   /* characters; what follows is not looked for */
const SHORTEST_STEM = 3;

/* A small letter or a digit before the stop, so that "U.S. dollar" is no end. */
const SENTENCE_END = /(?<=[\p{Ll}\p{N})][.!?]["”’)]?)\s+(?=["“‘(]?[\p{Lu}\p{N}])|[。！？]|\n+/gu;

const segmenter = globalThis.Intl?.Segmenter
    ? new Intl.Segmenter(undefined, { granularity: "word" }) : null;

/** @returns {{index: number, segment: string}[]} the words of a text and where they stand */
function wordsOf(text) {
    if (segmenter)
        return [...segmenter.segment(text)].filter((part) => part.isWordLike);
    return [...text.matchAll(/[\p{L}\p{M}\p{N}]+/gu)]
        .map((match) => ({ index: match.index, segment: match[0] }));
}

/** One form for a word's forms: case, accents and common English endings taken off. */
function stem(word) {
    const plain = word.normalize("NFKD").replace(/\p{M}|['’]s?$/gu, "").toLowerCase();
    for (const [ending, instead] of ENDINGS)
        if (plain.endsWith(ending) && plain.length - ending.length >= SHORTEST_STEM)
            return plain.slice(0, -ending.length) + instead;
    return plain;
}

/** What to look for in passages. @returns {Set<string>} */
export function termsOf(question) {
    const words = wordsOf(question.slice(0, LONGEST_QUESTION)).map((word) => word.segment);
    const telling = words.filter((word) => !COMMON.has(word.toLowerCase()));
    return new Set((telling.length ? telling : words).map(stem));
}

/** A text with the terms in <mark>. @param {string} text @param {Set<string>} terms */
export function emphasised(text, terms) {
    const result = document.createDocumentFragment();
    let done = 0;
    for (const { index, segment } of wordsOf(text)) {
        if (!terms.has(stem(segment)))
            continue;
        const mark = document.createElement("mark");
        mark.textContent = segment;
        result.append(text.slice(done, index), mark);
        done = index + segment.length;
    }
    result.append(text.slice(done));
    return result;
}

/**
 * Where to begin reading a long text so that the most of the terms are in the first lines: at the
 * start of a sentence.
 * @param {string} text @param {Set<string>} terms @param {number} room characters in sight
 */
export function bestStart(text, terms, room) {
    const hits = wordsOf(text).filter((word) => terms.has(stem(word.segment)))
        .map((word) => ({ index: word.index, term: stem(word.segment) }));
    const starts = [0, ...[...text.matchAll(SENTENCE_END)].map((end) => end.index + end[0].length)];
    const inSight = (start) =>
        new Set(hits.filter(({ index }) => index >= start && index < start + room)
            .map(({ term }) => term)).size;
    return starts.reduce((best, start) => inSight(start) > inSight(best) ? start : best, 0);
}

/** A passage's text for reading: the page's line ends go, paragraphs stay. */
export const readable = (text) =>
    text.trim().split(/\n\s*\n/).map((part) => part.replace(/\s+/g, " ")).join("\n");
