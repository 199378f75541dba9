/* Ways in for files: dropping them anywhere on the page (folders too), pasting, choosing. */

import { byId } from "/dom.js";

const isPdf = (file) => file.type === "application/pdf" || /\.pdf$/i.test(file.name);

/** All entries of a dropped folder; the browser gives them in parts until an empty one. */
async function entriesOf(folder) {
    const reader = folder.createReader();
    const all = [];
    for (;;) {
        const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!part.length)
            return all;
        all.push(...part);
    }
}

/** The PDFs in a folder and below. */
async function pdfsBelow(entry) {
    if (entry.isFile) {
        const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
        return isPdf(file) ? [file] : [];
    }
    return (await Promise.all((await entriesOf(entry)).map(pdfsBelow))).flat();
}

/* A file is taken as it is, PDF or not: the server says best what is wrong with it. */
async function filesOf(transfer) {
    const folders = [...transfer.items].map((item) => item.webkitGetAsEntry?.())
        .filter((entry) => entry?.isDirectory);
    const names = new Set(folders.map((folder) => folder.name));
    const plain = [...transfer.files].filter((file) => !names.has(file.name));
    return [...plain, ...(await Promise.all(folders.map(pdfsBelow))).flat()];
}

/** @param {(files: File[]) => void} take */
function listenForDrops(take) {
    const veil = byId("drop");
    let inside = 0;   /* enter and leave also come for every element on the way */
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
    const on = (type, act) => addEventListener(type, (event) => {
        if (carriesFiles(event)) {
            event.preventDefault();
            act(event);
            veil.hidden = inside <= 0;
        }
    });
    on("dragenter", () => inside++);
    on("dragleave", () => inside--);
    on("dragover", (event) => { event.dataTransfer.dropEffect = "copy"; });
    on("drop", async (event) => {
        inside = 0;
        take(await filesOf(event.dataTransfer));
    });
}

/** @param {(files: File[]) => void} take */
export function listenForFiles(take) {
    const chooser = byId("chooser");
    for (const button of document.querySelectorAll("[data-choose]"))
        button.addEventListener("click", () => chooser.click());
    chooser.addEventListener("change", () => {
        take([...chooser.files]);
        chooser.value = "";
    });
    addEventListener("paste", (event) => {
        if (event.clipboardData.files.length)
            take([...event.clipboardData.files]);
    });
    listenForDrops(take);
}
