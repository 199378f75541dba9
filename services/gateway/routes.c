/* routes: every path that the gateway answers, with what it takes. Requests are checked by this
 * table, and /openapi.json is made from it. */
#include "routes.h"

#include "api.h"
#include "conversation.h"
#include "embeddings.h"

#define MAX_ID_BYTES    200
#define MAX_PATH_BYTES  16384    /* an id that is too long is just one that does not exist */
#define MAX_NAME_BYTES  1024
#define MAX_PAGE_NUMBER 1000000
#define MAX_ATTACHED    500      /* OpenAI's limit for a batch */

/* -- fields that many routes share ----------------------------------------------------------- */

#define FILE_ID  {"file_id", IN_PATH, FIELD_TEXT, true, 1, MAX_PATH_BYTES, NULL, NULL, "id of the file"}
#define STORE_ID \
    {"vector_store_id", IN_PATH, FIELD_TEXT, true, 1, MAX_PATH_BYTES, NULL, NULL, \
     "id of the vector store, or 'default'"}
#define BATCH_ID {"batch_id", IN_PATH, FIELD_TEXT, true, 1, MAX_PATH_BYTES, NULL, NULL, "id of the batch"}
#define PAGE \
    {"page", IN_PATH, FIELD_INTEGER, true, 1, MAX_PAGE_NUMBER, NULL, NULL, "number of the page, from 1"}
#define ORDER \
    {"order", IN_QUERY, FIELD_CHOICE, false, 0, 0, "desc", "desc asc", "newest or oldest first"}
#define AFTER \
    {"after", IN_QUERY, FIELD_TEXT, false, 0, MAX_ID_BYTES, NULL, NULL, \
     "id of the last thing of the page before"}
#define BEFORE \
    {"before", IN_QUERY, FIELD_TEXT, false, 0, MAX_ID_BYTES, NULL, NULL, \
     "id of the first thing of the page behind"}
#define LIMIT    {"limit", IN_QUERY, FIELD_INTEGER, false, 1, 100, "20", NULL, "how many at most"}
#define STATUS \
    {"filter", IN_QUERY, FIELD_CHOICE, false, 0, 0, NULL, "in_progress completed failed cancelled", \
     "only files of this status"}
#define METADATA \
    {"metadata", IN_BODY, FIELD_LABELS, false, 0, 0, NULL, NULL, "up to 16 texts of the caller's own"}
#define ATTRIBUTES(required) \
    {"attributes", IN_BODY, FIELD_ATTRIBUTES, required, 0, 0, NULL, NULL, \
     "up to 16 values that searches can filter by"}
#define NAME \
    {"name", IN_BODY, FIELD_TEXT, false, 0, MAX_NAME_BYTES, NULL, NULL, "name of the vector store"}
#define FILE_IDS(required) \
    {"file_ids", IN_BODY, FIELD_TEXTS, required, required ? 1 : 0, MAX_ATTACHED, NULL, NULL, \
     "ids of the files to attach"}

/* -- files ----------------------------------------------------------------------------------- */

static const field_t upload_fields [] = {
    {"file", IN_FORM, FIELD_BYTES, true, 1, 0, NULL, NULL, "the PDF"},
    {"purpose", IN_FORM, FIELD_CHOICE, false, 0, 0, "assistants",
     "assistants user_data vision batch fine-tune evals",
     "what it is for; Quire reads every file alike"},
    {"password", IN_FORM, FIELD_TEXT, false, 0, 1000, NULL, NULL, "of an encrypted PDF"},
};
static const field_t list_files_fields [] = {
    {"limit", IN_QUERY, FIELD_INTEGER, false, 1, 10000, "10000", NULL, "how many at most"},
    ORDER, AFTER,
    {"purpose", IN_QUERY, FIELD_TEXT, false, 0, MAX_ID_BYTES, NULL, NULL, "only files of this purpose"},
};
static const field_t file_fields [] = {FILE_ID};
static const field_t list_pages_fields [] = {
    FILE_ID,
    {"after", IN_QUERY, FIELD_INTEGER, false, 0, MAX_PAGE_NUMBER, "0", NULL,
     "number of the last page of the list before"},
    {"limit", IN_QUERY, FIELD_INTEGER, false, 1, 10000, "1000", NULL, "how many at most"},
};
static const field_t page_fields [] = {FILE_ID, PAGE};
static const field_t image_fields [] = {
    FILE_ID, PAGE,
    {"width", IN_QUERY, FIELD_INTEGER, false, 16, 4000, "1000", NULL, "of the picture in pixels"},
    {"highlight", IN_QUERY, FIELD_TEXT, false, 0, 8192, NULL, NULL,
     "ranges of the page's text to mark, such as 10-52,60-75"},
};

/* -- vector stores --------------------------------------------------------------------------- */

static const field_t create_store_fields [] = {NAME, METADATA, FILE_IDS (false)};
static const field_t list_stores_fields [] = {LIMIT, ORDER, AFTER, BEFORE};
static const field_t store_fields [] = {STORE_ID};
static const field_t modify_store_fields [] = {STORE_ID, NAME, METADATA};
static const field_t attach_fields [] = {
    STORE_ID,
    {"file_id", IN_BODY, FIELD_TEXT, true, 1, MAX_ID_BYTES, NULL, NULL, "id of the file to attach"},
    ATTRIBUTES (false),
};
static const field_t list_store_files_fields [] = {STORE_ID, LIMIT, ORDER, AFTER, BEFORE, STATUS};
static const field_t store_file_fields [] = {STORE_ID, FILE_ID};
static const field_t store_file_content_fields [] = {
    STORE_ID, FILE_ID,
    {"after", IN_QUERY, FIELD_INTEGER, false, 0, MAX_PAGE_NUMBER, "0", NULL, "'next_page' of the answer before"},
};
static const field_t set_attributes_fields [] = {STORE_ID, FILE_ID, ATTRIBUTES (true)};
static const field_t create_batch_fields [] = {STORE_ID, FILE_IDS (true), ATTRIBUTES (false)};
static const field_t batch_fields [] = {STORE_ID, BATCH_ID};
static const field_t list_batch_files_fields [] = {STORE_ID, BATCH_ID, LIMIT, ORDER, AFTER, BEFORE, STATUS};
static const field_t search_fields [] = {
    STORE_ID,
    {"query", IN_BODY, FIELD_TEXT_OR_TEXTS, true, 1, MAX_QUERIES, NULL, NULL,
     "what is looked for: a text, or a list of them"},
    {"max_num_results", IN_BODY, FIELD_INTEGER, false, 1, 50, "10", NULL, "how many passages at most"},
    {"filters", IN_BODY, FIELD_OBJECT, false, 0, 0, NULL, NULL,
     "a comparison or compound filter over attributes, file_id and filename"},
    {"ranking_options", IN_BODY, FIELD_OBJECT, false, 0, 0, NULL, NULL,
     "'ranker' (fused, lexical, dense) and 'score_threshold' (0 to 1)"},
    {"rewrite_query", IN_BODY, FIELD_BOOLEAN, false, 0, 0, "false", NULL,
     "true: searches without what the query says of the answer's form, and tells what was searched for"},
};

/* -- answers --------------------------------------------------------------------------------- */

#define MAX_OUTPUT_TOKENS 1000000
#define TEMPERATURE \
    {"temperature", IN_BODY, FIELD_NUMBER, false, 0, 2, NULL, NULL, "passed on to the LLM"}
#define TOP_P {"top_p", IN_BODY, FIELD_NUMBER, false, 0, 1, NULL, NULL, "passed on to the LLM"}
#define TOKENS(name) \
    {name, IN_BODY, FIELD_INTEGER, false, 1, MAX_OUTPUT_TOKENS, NULL, NULL, "longest answer, in the LLM's tokens"}
#define PENALTY(name) {name, IN_BODY, FIELD_NUMBER, false, -2, 2, NULL, NULL, "passed on to the LLM"}
#define STREAM {"stream", IN_BODY, FIELD_BOOLEAN, false, 0, 0, "false", NULL, "true: as server-sent events"}
#define STREAM_OPTIONS {"stream_options", IN_BODY, FIELD_OBJECT, false, 0, 0, NULL, NULL, "as of OpenAI"}
#define OF_CALLER(name) {name, IN_BODY, FIELD_TEXT, false, 0, MAX_NAME_BYTES, NULL, NULL, "of no effect"}
#define TIER \
    {"service_tier", IN_BODY, FIELD_CHOICE, false, 0, 0, NULL, "auto default", "of no effect"}

static const field_t create_response_fields [] = {
    {"input", IN_BODY, FIELD_TEXT_OR_OBJECTS, true, 1, MAX_MESSAGES, NULL, NULL,
     "the question, or messages of which the last is the question"},
    {"model", IN_BODY, FIELD_TEXT, false, 0, MAX_ID_BYTES, NULL, NULL,
     "any name; the answer is the LLM's that the server is set up with, or made of quotes without one"},
    {"instructions", IN_BODY, FIELD_TEXT, false, 0, MAX_FIELD_BYTES, NULL, NULL, "how to answer, for the LLM"},
    {"tools", IN_BODY, FIELD_OBJECTS, false, 0, 1, NULL, NULL,
     "file_search with vector_store_ids, max_num_results, filters, ranking_options; left out: all of 'default'"},
    {"tool_choice", IN_BODY, FIELD_TEXT_OR_OBJECT, false, 0, 64, NULL, NULL, "auto, required or file_search"},
    {"include", IN_BODY, FIELD_TEXTS, false, 0, 8, NULL, NULL, "file_search_call.results: the passages too"},
    {"previous_response_id", IN_BODY, FIELD_TEXT, false, 0, MAX_ID_BYTES, NULL, NULL, "a response to go on from"},
    {"store", IN_BODY, FIELD_BOOLEAN, false, 0, 0, "true", NULL, "false: it is not kept"},
    {"metadata", IN_BODY, FIELD_LABELS, false, 0, 0, NULL, NULL, "up to 16 texts of the caller's own"},
    {"text", IN_BODY, FIELD_OBJECT, false, 0, 0, NULL, NULL, "format: only {\"type\":\"text\"}"},
    {"truncation", IN_BODY, FIELD_CHOICE, false, 0, 0, NULL, "auto disabled",
     "of no effect: the oldest turns are always left out first"},
    {"parallel_tool_calls", IN_BODY, FIELD_BOOLEAN, false, 0, 0, NULL, NULL, "of no effect"},
    {"max_tool_calls", IN_BODY, FIELD_INTEGER, false, 1, 100, NULL, NULL, "of no effect: there is one search"},
    {"top_logprobs", IN_BODY, FIELD_INTEGER, false, 0, 0, NULL, NULL, "only 0"},
    {"background", IN_BODY, FIELD_BOOLEAN, false, 0, 0, NULL, NULL, "only false"},
    TOKENS ("max_output_tokens"), TEMPERATURE, TOP_P, STREAM, STREAM_OPTIONS, TIER, OF_CALLER ("user"),
    OF_CALLER ("safety_identifier"), OF_CALLER ("prompt_cache_key"),
};
#define RESPONSE_ID \
    {"response_id", IN_PATH, FIELD_TEXT, true, 1, MAX_PATH_BYTES, NULL, NULL, "id of the response"}
static const field_t get_response_fields [] = {
    RESPONSE_ID,
    {"include[]", IN_QUERY, FIELD_CHOICE, false, 0, 0, NULL, "file_search_call.results", "the passages too"},
};
static const field_t response_path_fields [] = {RESPONSE_ID};
static const field_t list_input_items_fields [] = {RESPONSE_ID, LIMIT, ORDER, AFTER};

static const field_t create_completion_fields [] = {
    {"messages", IN_BODY, FIELD_OBJECTS, true, 1, MAX_MESSAGES, NULL, NULL,
     "the conversation; the last message is the question"},
    {"model", IN_BODY, FIELD_TEXT, true, 1, MAX_ID_BYTES, NULL, NULL,
     "quire: all of the store 'default'; quire/NAME: the vector store of this name or id"},
    {"stop", IN_BODY, FIELD_TEXT_OR_TEXTS, false, 1, 4, NULL, NULL, "passed on to the LLM"},
    {"n", IN_BODY, FIELD_INTEGER, false, 1, 1, NULL, NULL, "only 1"},
    {"seed", IN_BODY, FIELD_INTEGER, false, -9007199254740991.0, 9007199254740991.0, NULL, NULL,
     "passed on to the LLM"},
    {"response_format", IN_BODY, FIELD_OBJECT, false, 0, 0, NULL, NULL, "only {\"type\":\"text\"}"},
    {"tools", IN_BODY, FIELD_OBJECTS, false, 0, 0, NULL, NULL, "only an empty list"},
    {"store", IN_BODY, FIELD_BOOLEAN, false, 0, 0, NULL, NULL, "only false"},
    {"metadata", IN_BODY, FIELD_LABELS, false, 0, 0, NULL, NULL, "of no effect"},
    TOKENS ("max_tokens"), TOKENS ("max_completion_tokens"), TEMPERATURE, TOP_P, PENALTY ("presence_penalty"),
    PENALTY ("frequency_penalty"), STREAM, STREAM_OPTIONS, TIER, OF_CALLER ("user"), OF_CALLER ("safety_identifier"),
    OF_CALLER ("prompt_cache_key"),
};

/* -- the rest -------------------------------------------------------------------------------- */

static const field_t embeddings_fields [] = {
    {"input", IN_BODY, FIELD_TEXTS_OR_IDS, true, 1, MAX_EMBEDDED_TEXTS, NULL, NULL,
     "a text, or a list of up to 2048 texts; or one text or many as the ids of its word pieces, which must be this "
     "model's own, from 101 ([CLS]) to 102 ([SEP])"},
    {"model", IN_BODY, FIELD_TEXT, true, 1, MAX_ID_BYTES, NULL, NULL,
     "any name; the vectors are always those of all-MiniLM-L6-v2"},
    {"encoding_format", IN_BODY, FIELD_CHOICE, false, 0, 0, "float", "float base64",
     "how a vector is written"},
    {"truncate", IN_BODY, FIELD_BOOLEAN, false, 0, 0, "false", NULL,
     "of a text with more than 256 word pieces, true: its beginning is embedded, and its item says truncated; "
     "false: the request is refused"},
    {"dimensions", IN_BODY, FIELD_INTEGER, false, 1, 100000, NULL, NULL, "384 or left out"},
    OF_CALLER ("user"),
};
static const field_t model_fields [] = {
    {"model", IN_PATH, FIELD_TEXT, true, 1, MAX_PATH_BYTES, NULL, NULL, "name of the model"},
};

/* Checked by the handler itself, which answers in JSON-RPC's words. */
static const field_t mcp_fields [] = {
    {"vector_store", IN_QUERY, FIELD_TEXT, false, 1, MAX_ID_BYTES, "default", NULL,
     "id or name of the vector store that the tools look in"},
    {"jsonrpc", IN_BODY, FIELD_CHOICE, true, 0, 0, NULL, "2.0", "version of JSON-RPC"},
    {"method", IN_BODY, FIELD_TEXT, true, 1, MAX_NAME_BYTES, NULL, NULL,
     "initialize, server/discover, ping, tools/list, tools/call, or a notification's name"},
    {"params", IN_BODY, FIELD_OBJECT, false, 0, 0, NULL, NULL, "of the method"},
};

/* -- the table ------------------------------------------------------------------------------- */

#define FIELDS(list) list, COUNT_OF (list)
#define NONE         NULL, 0

const route_t routes [] = {
    {"POST", "/v1/files", "uploadFile", api_upload_file, FIELDS (upload_fields), BODY_UPLOAD,
     &upload_reader, "File", "Uploads a PDF. Answers when it is durable; reading begins at once."},
    {"GET", "/v1/files", "listFiles", api_list_files, FIELDS (list_files_fields), BODY_NONE, NULL,
     "FileList", "Lists the files."},
    {"GET", "/v1/files/{file_id}", "getFile", api_get_file, FIELDS (file_fields), BODY_NONE, NULL,
     "File", "Describes a file and how far it has been read."},
    {"DELETE", "/v1/files/{file_id}", "deleteFile", api_delete_file, FIELDS (file_fields), BODY_NONE,
     NULL, "Deleted", "Removes a file from everywhere."},
    {"GET", "/v1/files/{file_id}/content", "getFileContent", api_get_file_content, FIELDS (file_fields),
     BODY_NONE, NULL, "application/pdf", "The bytes that were uploaded."},
    {"GET", "/v1/files/{file_id}/pages", "listPages", api_list_pages, FIELDS (list_pages_fields),
     BODY_NONE, NULL, "PageList", "The ledger: how each page was read."},
    {"GET", "/v1/files/{file_id}/pages/{page}", "getPage", api_get_page, FIELDS (page_fields), BODY_NONE,
     NULL, "Page", "A page's text, words and their places."},
    {"GET", "/v1/files/{file_id}/pages/{page}/image", "getPageImage", api_get_page_image,
     FIELDS (image_fields), BODY_NONE, NULL, "image/png", "A picture of a page, with passages marked."},

    {"POST", "/v1/vector_stores", "createVectorStore", api_create_store, FIELDS (create_store_fields),
     BODY_JSON, NULL, "VectorStore", "Creates a vector store."},
    {"GET", "/v1/vector_stores", "listVectorStores", api_list_stores, FIELDS (list_stores_fields),
     BODY_NONE, NULL, "VectorStoreList", "Lists the vector stores."},
    {"GET", "/v1/vector_stores/{vector_store_id}", "getVectorStore", api_get_store,
     FIELDS (store_fields), BODY_NONE, NULL, "VectorStore", "Describes a vector store."},
    {"POST", "/v1/vector_stores/{vector_store_id}", "modifyVectorStore", api_modify_store,
     FIELDS (modify_store_fields), BODY_JSON, NULL, "VectorStore",
     "Changes a vector store's name or metadata."},
    {"DELETE", "/v1/vector_stores/{vector_store_id}", "deleteVectorStore", api_delete_store,
     FIELDS (store_fields), BODY_NONE, NULL, "Deleted", "Deletes a vector store; its files stay."},
    {"POST", "/v1/vector_stores/{vector_store_id}/files", "attachFile", api_attach_file,
     FIELDS (attach_fields), BODY_JSON, NULL, "VectorStoreFile", "Attaches a file to a vector store."},
    {"GET", "/v1/vector_stores/{vector_store_id}/files", "listVectorStoreFiles", api_list_store_files,
     FIELDS (list_store_files_fields), BODY_NONE, NULL, "VectorStoreFileList",
     "Lists the files of a vector store."},
    {"GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}", "getVectorStoreFile",
     api_get_store_file, FIELDS (store_file_fields), BODY_NONE, NULL, "VectorStoreFile",
     "Describes a file of a vector store."},
    {"POST", "/v1/vector_stores/{vector_store_id}/files/{file_id}", "setAttributes", api_set_attributes,
     FIELDS (set_attributes_fields), BODY_JSON, NULL, "VectorStoreFile",
     "Sets the attributes of a file in a vector store."},
    {"DELETE", "/v1/vector_stores/{vector_store_id}/files/{file_id}", "detachFile", api_detach_file,
     FIELDS (store_file_fields), BODY_NONE, NULL, "Deleted",
     "Takes a file out of a vector store; the file stays."},
    {"GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}/content", "getVectorStoreFileContent",
     api_get_store_file_content, FIELDS (store_file_content_fields), BODY_NONE, NULL, "FileContent",
     "The text of a file, page by page."},
    {"POST", "/v1/vector_stores/{vector_store_id}/file_batches", "createFileBatch", api_create_batch,
     FIELDS (create_batch_fields), BODY_JSON, NULL, "FileBatch", "Attaches several files at once."},
    {"GET", "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}", "getFileBatch", api_get_batch,
     FIELDS (batch_fields), BODY_NONE, NULL, "FileBatch", "Describes a batch."},
    {"POST", "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel", "cancelFileBatch",
     api_cancel_batch, FIELDS (batch_fields), BODY_NONE, NULL, "FileBatch",
     "Ends what a batch has not begun."},
    {"GET", "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files", "listFileBatchFiles",
     api_list_batch_files, FIELDS (list_batch_files_fields), BODY_NONE, NULL, "VectorStoreFileList",
     "Lists the files of a batch."},
    {"POST", "/v1/vector_stores/{vector_store_id}/search", "searchVectorStore", api_search,
     FIELDS (search_fields), BODY_JSON, NULL, "SearchResults", "Searches a vector store for passages."},

    {"POST", "/v1/responses", "createResponse", api_create_response, FIELDS (create_response_fields),
     BODY_KNOWN_JSON, NULL, "Response", "Answers a question from the documents, with citations that were checked."},
    {"GET", "/v1/responses/{response_id}", "getResponse", api_get_response, FIELDS (get_response_fields), BODY_NONE,
     NULL, "Response", "A response that was stored, or is under way."},
    {"DELETE", "/v1/responses/{response_id}", "deleteResponse", api_delete_response, FIELDS (response_path_fields),
     BODY_NONE, NULL, "Deleted", "Forgets a response."},
    {"POST", "/v1/responses/{response_id}/cancel", "cancelResponse", api_cancel_response,
     FIELDS (response_path_fields), BODY_NONE, NULL, "Response", "Ends a response that is under way."},
    {"GET", "/v1/responses/{response_id}/input_items", "listInputItems", api_list_input_items,
     FIELDS (list_input_items_fields), BODY_NONE, NULL, "InputItemList", "What a response was asked with."},
    {"POST", "/v1/chat/completions", "createChatCompletion", api_create_completion, FIELDS (create_completion_fields),
     BODY_KNOWN_JSON, NULL, "ChatCompletion", "Answers the last message of a chat from the documents."},

    {"POST", "/mcp", "mcp", api_mcp, FIELDS (mcp_fields), BODY_RPC, NULL, "McpMessage",
     "A message of the Model Context Protocol (streamable HTTP): a request when it has an 'id', else a notification."},

    {"POST", "/v1/embeddings", "createEmbeddings", api_create_embeddings, FIELDS (embeddings_fields),
     BODY_JSON, NULL, "Embeddings", "Turns texts into vectors."},
    {"GET", "/v1/models", "listModels", api_list_models, NONE, BODY_NONE, NULL, "ModelList",
     "Lists the models."},
    {"GET", "/v1/models/{model}", "getModel", api_get_model, FIELDS (model_fields), BODY_NONE, NULL,
     "Model", "Describes a model."},
    {"GET", "/v1/events", "events", api_events, NONE, BODY_NONE, NULL, "text/event-stream",
     "Progress of all files as server-sent events."},
    {"GET", "/v1/status", "status", api_status, NONE, BODY_NONE, NULL, "Status",
     "Counts of what is there, and the roles at work."},

    {"GET", "/healthz", "healthz", api_healthz, NONE, BODY_NONE, NULL, "Health", "Is the process alive?"},
    {"GET", "/readyz", "readyz", api_readyz, NONE, BODY_NONE, NULL, "Health",
     "Is every role there? 503 names the missing ones."},
    {"GET", "/metrics", "metrics", api_metrics, NONE, BODY_NONE, NULL, "text/plain",
     "Metrics of all roles as Prometheus text."},
    {"GET", "/openapi.json", "openapi", api_openapi, NONE, BODY_NONE, NULL, "OpenApi",
     "This API, for machines."},
    {"GET", "/", "webPage", api_web_page, NONE, BODY_NONE, NULL, "text/html", "The web page."},
};

const size_t route_count = COUNT_OF (routes);
