/* The API's handlers, one for each route of routes.c, and what they share. */
#ifndef QUIRE_GATEWAY_API_H
#define QUIRE_GATEWAY_API_H

#include "ask.h"
#include "http.h"

/* Asks the answerer and answers the request with its result, or its error. */
void api_ask (request_t *request, const message_t *message);

/* Answers with the error of an ask. */
void api_fail (request_t *request, const ask_answer_t *answer);

/* The JSON of the result, lent; NULL: the request has been answered with why there is none. param: the
 * field that is to blame, or NULL: the one that the answerer names. */
const char *api_result (request_t *request, const ask_answer_t *answer, const char *param);

/* A JSON value of the request's body as text, or "" when it was left out. The caller frees it; NULL
 * with NO_MEMORY. */
MUST_CHECK char *api_json (const value_t *value);

/* The texts of a list field, or of a field that is one text; strings_free in either case. */
MUST_CHECK int api_texts (const value_t *value, strings_builder_t *texts);

/* Answers with a document, which is taken. */
void api_answer (request_t *request, int status, yyjson_mut_doc **document);

uint32_t api_is_ascending (const request_t *request);   /* 1 when 'order' says oldest first */
uint64_t api_now_s (void);                              /* seconds since 1970 */

/* files.c */
void api_list_files (request_t *request);
void api_get_file (request_t *request);
void api_delete_file (request_t *request);
void api_get_file_content (request_t *request);
void api_list_pages (request_t *request);
void api_get_page (request_t *request);

/* upload.c */
extern const body_reader_t upload_reader;
void api_upload_file (request_t *request);

/* image.c */
void api_get_page_image (request_t *request);

/* stores.c */
void api_create_store (request_t *request);
void api_list_stores (request_t *request);
void api_get_store (request_t *request);
void api_modify_store (request_t *request);
void api_delete_store (request_t *request);
void api_attach_file (request_t *request);
void api_list_store_files (request_t *request);
void api_get_store_file (request_t *request);
void api_set_attributes (request_t *request);
void api_detach_file (request_t *request);
void api_get_store_file_content (request_t *request);
void api_create_batch (request_t *request);
void api_get_batch (request_t *request);
void api_cancel_batch (request_t *request);
void api_list_batch_files (request_t *request);
void api_search (request_t *request);

/* responses.c */
void api_create_response (request_t *request);
void api_get_response (request_t *request);
void api_delete_response (request_t *request);
void api_cancel_response (request_t *request);
void api_list_input_items (request_t *request);

/* chat.c */
void api_create_completion (request_t *request);

/* mcp.c */
void api_mcp (request_t *request);

/* embeddings.c */
void api_create_embeddings (request_t *request);
void api_list_models (request_t *request);
void api_get_model (request_t *request);

/* events.c */
void api_events (request_t *request);

/* health.c */
void api_status (request_t *request);
void api_healthz (request_t *request);
void api_readyz (request_t *request);
void api_metrics (request_t *request);

/* openapi.c */
void api_openapi (request_t *request);

/* web.c */
void api_web_page (request_t *request);

#endif
