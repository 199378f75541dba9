/* The HTTP API as this page uses it: one function a call. What goes wrong becomes an ApiError in
 * the API's own words; a call that wants a key waits until the reader has given one. */

import { anotherKey, currentKey, keyHeader } from "/key.js";

/**
 * A file, as GET /v1/files gives it (what the page uses of it).
 * @typedef {{id: string, filename: string, bytes: number, created_at: number,
 *            state: "queued"|"reading"|"indexing"|"completed"|"failed",
 *            status_details: ?string, error_code: ?string, pages: number, pages_done: number, pages_failed: number,
 *            chunks: number, vectors: number, vectors_failed: number, title: string}} ApiFile
 *
 * A page of the ledger.
 * @typedef {{page: number, reason: ?string, words: number, chunks: number,
 *            status: "waiting"|"text"|"ocr"|"empty"|"failed"|"timed_out"}} LedgerPage
 *
 * A passage that a search found.
 * @typedef {{file_id: string, filename: string, score: number, page: number,
 *            start: number, end: number, highlight: string,
 *            content: {type: "text", text: string}[]}} Passage
 *
 * @typedef {{data: Passage[],
 *            indexed: {chunks: number, vectors: number, vectors_failed: number, words: boolean}}} SearchResult
 */

const STORE = "/v1/vector_stores/default";
const FILES_AT_ONCE = 1000;
const STORE_FILES_AT_ONCE = 100;
const PAGES_AT_ONCE = 5000;

export class ApiError extends Error {
    /** @param {string} message @param {string} code @param {number} status 0: no answer came */
    constructor(message, code, status) {
        super(message);
        this.code = code;
        this.status = status;
    }
}

const unreachable = () => new ApiError("The server can't be reached.", "unreachable", 0);

/** The error that an answer's body describes, or one made from its status. */
function errorFrom(status, body) {
    try {
        const { message, code } = JSON.parse(body).error;
        return new ApiError(message, code, status);
    } catch {
        return new ApiError(`The server answered with status ${status}.`, "unknown", status);
    }
}

async function call(path, options = {}) {
    for (;;) {
        const key = currentKey();
        let answer;
        try {
            answer = await fetch(path, { ...options, headers: { ...options.headers, ...keyHeader(key) } });
        } catch (error) {
            throw error.name === "AbortError" ? error : unreachable();
        }
        if (answer.ok)
            return answer;
        const error = errorFrom(answer.status, await answer.text());
        if (error.status !== 401)
            throw error;
        await anotherKey(key, error.message);
    }
}

const getJson = async (path, signal) => (await call(path, { signal })).json();

const postJson = async (path, body, signal) =>
    (await call(path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal,
    })).json();

/** Every entry of a list that comes in parts. */
async function listAll(path, limit, key) {
    const all = [];
    let after = "";
    for (;;) {
        const part = await getJson(`${path}?limit=${limit}${after}`);
        all.push(...part.data);
        if (!part.has_more || !part.data.length)
            return all;
        after = `&after=${encodeURIComponent(part.data.at(-1)[key])}`;
    }
}

const filePath = (id) => `/v1/files/${encodeURIComponent(id)}`;

/** @returns {Promise<ApiFile[]>} newest first */
export const listFiles = () => listAll("/v1/files", FILES_AT_ONCE, "id");

/** @returns {Promise<ApiFile>} */
export const getFile = (id) => getJson(filePath(id));

/** @returns {Promise<string[]>} ids of the files that this page searches */
export const listShelfIds = async () =>
    (await listAll(`${STORE}/files`, STORE_FILES_AT_ONCE, "id")).map((file) => file.id);

/** Puts a file among those that are searched here. */
export const attachFile = (id) => postJson(`${STORE}/files`, { file_id: id });

export const deleteFile = (id) => call(filePath(id), { method: "DELETE" });

/** @returns {Promise<Blob>} the bytes as they were uploaded */
export const fileContent = async (id) => (await call(contentUrl(id))).blob();

export const contentUrl = (id) => `${filePath(id)}/content`;

/** @returns {Promise<LedgerPage[]>} */
export const listPages = (id) => listAll(`${filePath(id)}/pages`, PAGES_AT_ONCE, "page");

/** A page's text and where its words stand. */
export const getPage = (id, page, signal) => getJson(`${filePath(id)}/pages/${page}`, signal);

/** Where the picture of a page is. @param {string} [highlight] ranges of its text to mark */
export function imageUrl(id, page, width, highlight) {
    const marks = highlight ? `&highlight=${encodeURIComponent(highlight)}` : "";
    return `${filePath(id)}/pages/${page}/image?width=${width}${marks}`;
}

/**
 * Where an <img> finds a picture. An <img> sends no key, so with one the picture is fetched here and
 * lent to it (letGo when it is shown). @param {string} url @param {AbortSignal} [signal]
 */
export const pictureSource = async (url, signal) =>
    currentKey() ? URL.createObjectURL(await (await call(url, { signal })).blob()) : url;

/** @param {string} source of pictureSource */
export const letGo = (source) => source.startsWith("blob:") && URL.revokeObjectURL(source);

/** The stream of progress. @param {AbortSignal} signal @returns {Promise<ReadableStream>} */
export const progressStream = async (signal) =>
    (await call("/v1/events", { signal, cache: "no-store", headers: { Accept: "text/event-stream" } })).body;

/** Why a picture did not come, in the API's words. */
export async function imageProblem(url) {
    try {
        await call(url);
        return "The picture came, but can't be shown.";
    } catch (error) {
        return error.message;
    }
}

/**
 * @param {string} query
 * @param {string[]} fileIds search only these; none: all
 * @param {number} limit
 * @param {AbortSignal} signal
 * @returns {Promise<SearchResult>}
 */
export function search(query, fileIds, limit, signal) {
    const filters = fileIds.length ? { type: "in", key: "file_id", value: fileIds } : undefined;
    return postJson(`${STORE}/search`, { query, max_num_results: limit, filters }, signal);
}

/**
 * Uploads a file.
 * @param {{file: Blob, name: string, password: string}} what
 * @param {(sent: number, total: number) => void} onProgress
 * @param {AbortSignal} signal
 * @returns {Promise<ApiFile>}
 */
export async function uploadFile(what, onProgress, signal) {
    for (;;) {
        const key = currentKey();
        try {
            return await sendFile(what, key, onProgress, signal);
        } catch (error) {
            if (error.status !== 401)
                throw error;
            await anotherKey(key, error.message);
        }
    }
}

/* XMLHttpRequest, as fetch can't tell how far an upload is. */
function sendFile({ file, name, password }, key, onProgress, signal) {
    const form = new FormData();
    form.append("purpose", "assistants");
    if (password)
        form.append("password", password);
    form.append("file", file, name);
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
        request.onload = () => request.status < 300
            ? resolve(JSON.parse(request.responseText))
            : reject(errorFrom(request.status, request.responseText));
        request.onerror = () => reject(new ApiError(
            "The upload broke off. The server may be away, or the file larger than it takes.",
            "unreachable", 0));
        request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
        signal.addEventListener("abort", () => request.abort());
        request.open("POST", "/v1/files");
        for (const [header, value] of Object.entries(keyHeader(key)))
            request.setRequestHeader(header, value);
        request.send(form);
    });
}
