/* A passage as it is read, cited and looked at. */

import { readable } from "/words.js";

/** @typedef {import("/api.js").Passage} Passage */

/** @param {Passage} passage */
export const passageText = (passage) =>
    readable(passage.content.map((part) => part.text).join("\n\n"));

/** “The passage.” (Report.pdf, page 12) @param {Passage} passage */
export const citation = (passage) =>
    `“${passageText(passage).replace(/\s+/g, " ")}” (${passage.filename}, page ${passage.page})`;

/** The page that a passage stands on, with the passage marked. @param {Passage} passage */
export const viewOf = (passage) => ({
    file: passage.file_id, name: passage.filename, page: passage.page, highlight: passage.highlight,
});
