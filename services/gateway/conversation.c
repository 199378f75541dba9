/* conversation: see conversation.h. */
#include "conversation.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "ids.h"
#include "utf8.h"

/* -- content: a text, or a list of parts ----------------------------------------------------- */

static const char *member (yyjson_val *object, const char *key)
{
    return yyjson_get_str (yyjson_obj_get (object, key));
}

static bool equals (const char *text, const char *other)
{
    return text != NULL && strcmp (text, other) == 0;
}

/* The text of a part, or NULL with BAD_FIELD: it is a picture, a file, a sound. */
static yyjson_val *part_text (yyjson_val *part)
{
    const char *type = member (part, "type");
    bool is_text = equals (type, "text") || equals (type, "input_text") || equals (type, "output_text");
    yyjson_val *text = yyjson_obj_get (part, equals (type, "refusal") ? "refusal" : is_text ? "text" : "");
    if (yyjson_is_str (text))
        return text;
    error_set (ERROR_BAD_FIELD, "A message has content of the type '%.40s'. Only text is taken: upload a PDF to"
               " /v1/files to ask about it.", type == NULL ? "" : type);
    return NULL;
}

/* Puts the text behind what is there, on a line of its own. */
static int append (char **joined, size_t *size, yyjson_val *text)
{
    size_t more = yyjson_get_len (text);
    if (!utf8_valid (yyjson_get_str (text), more))
        return error_set (ERROR_BAD_FIELD, "A message's text holds a NUL.");
    char *grown = realloc (*joined, *size + more + 2);
    if (grown == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    if (*size > 0)
        grown [(*size)++] = '\n';
    memcpy (grown + *size, yyjson_get_str (text), more);
    *size += more;
    *joined = grown;
    return 0;
}

/* The content as one text, which the document owns; NULL with an error. */
static yyjson_mut_val *content_text (yyjson_val *content, yyjson_mut_doc *document)
{
    char *joined = NULL;
    size_t size = 0, index, count;
    yyjson_val *part, *text;
    int result = 0;
    if (yyjson_is_str (content))
        result = append (&joined, &size, content);
    else if (!yyjson_is_arr (content))
        result = error_set (ERROR_BAD_FIELD, "A message's 'content' must be text or a list of parts.");
    yyjson_arr_foreach (content, index, count, part) {
        if (result == 0 && ((text = part_text (part)) == NULL || append (&joined, &size, text) != 0))
            result = -1;
    }
    yyjson_mut_val *value = result == 0 ? yyjson_mut_strncpy (document, joined == NULL ? "" : joined, size) : NULL;
    if (result == 0 && value == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    free (joined);
    return value;
}

/* -- turns ----------------------------------------------------------------------------------- */

static const char *role_of (yyjson_val *message)
{
    static const char *const roles [] = {"user", "assistant", "system", "developer"};
    const char *role = member (message, "role");
    for (size_t i = 0; i < COUNT_OF (roles); i++)
        if (equals (role, roles [i]))
            return roles [i];
    error_set (ERROR_BAD_FIELD, "A message has the role '%.40s'; user, assistant, system and developer are taken.",
               role == NULL ? "" : role);
    return NULL;
}

static void add_turn (yyjson_mut_doc *document, yyjson_mut_val *turns, const char *role, yyjson_mut_val *text)
{
    yyjson_mut_val *turn = yyjson_mut_arr_add_obj (document, turns);
    yyjson_mut_obj_add_str (document, turn, "role", role);
    yyjson_mut_obj_add_val (document, turn, "content", text);
}

static int add_message (yyjson_val *message, yyjson_mut_doc *document, yyjson_mut_val *turns)
{
    const char *role = yyjson_is_obj (message) ? role_of (message) : NULL;
    if (!yyjson_is_obj (message))
        return error_set (ERROR_BAD_FIELD, "A message must be an object with 'role' and 'content'.");
    yyjson_mut_val *text = role == NULL ? NULL : content_text (yyjson_obj_get (message, "content"), document);
    if (text == NULL)
        return -1;
    add_turn (document, turns, role, text);
    return 0;
}

int conversation_add_messages (yyjson_val *messages, yyjson_mut_doc *document, yyjson_mut_val *turns)
{
    yyjson_val *message;
    size_t index, count;
    if (yyjson_arr_size (messages) > MAX_MESSAGES)
        return error_set (ERROR_BAD_FIELD, "There are more than %d messages.", MAX_MESSAGES);
    yyjson_arr_foreach (messages, index, count, message) {
        if (add_message (message, document, turns) != 0)
            return -1;
    }
    return 0;
}

/* -- input items ----------------------------------------------------------------------------- */

/* The same as the newest turn, as an input item. */
static void add_item (yyjson_mut_doc *document, yyjson_mut_val *items, yyjson_mut_val *turn)
{
    char id [MAX_ID];
    const char *role = yyjson_mut_get_str (yyjson_mut_obj_get (turn, "role"));
    yyjson_mut_val *text = yyjson_mut_obj_get (turn, "content");
    yyjson_mut_val *item = yyjson_mut_arr_add_obj (document, items);
    id_new ("msg_", id);
    yyjson_mut_obj_add_strcpy (document, item, "id", id);
    yyjson_mut_obj_add_str (document, item, "type", "message");
    yyjson_mut_obj_add_str (document, item, "role", role);
    yyjson_mut_obj_add_str (document, item, "status", "completed");
    yyjson_mut_val *content = yyjson_mut_obj_add_arr (document, item, "content");
    yyjson_mut_val *part = yyjson_mut_arr_add_obj (document, content);
    bool is_output = strcmp (role, "assistant") == 0;
    yyjson_mut_obj_add_str (document, part, "type", is_output ? "output_text" : "input_text");
    yyjson_mut_obj_add_val (document, part, "text", yyjson_mut_val_mut_copy (document, text));
    if (is_output)
        yyjson_mut_obj_add_arr (document, part, "annotations");
}

/* A search of an earlier answer: what it found is looked for anew. */
static bool is_passed_over (const char *type)
{
    return equals (type, "file_search_call") || equals (type, "reasoning");
}

static int add_input_item (yyjson_val *item, yyjson_mut_doc *document, yyjson_mut_val *turns, yyjson_mut_val *items)
{
    const char *type = member (item, "type");
    if (is_passed_over (type))
        return 0;
    if (type != NULL && strcmp (type, "message") != 0)
        return error_set (ERROR_BAD_FIELD, "'input' has an item of the type '%.40s'; only messages are taken.", type);
    if (add_message (item, document, turns) != 0)
        return -1;
    add_item (document, items, yyjson_mut_arr_get_last (turns));
    return 0;
}

int conversation_add_input (yyjson_val *input, yyjson_mut_doc *document, yyjson_mut_val *turns, yyjson_mut_val *items)
{
    yyjson_val *item;
    size_t index, count;
    if (yyjson_is_str (input)) {
        yyjson_mut_val *text = content_text (input, document);
        if (text == NULL)
            return -1;
        add_turn (document, turns, "user", text);
        add_item (document, items, yyjson_mut_arr_get_last (turns));
        return 0;
    }
    if (yyjson_arr_size (input) > MAX_MESSAGES)
        return error_set (ERROR_BAD_FIELD, "'input' has more than %d items.", MAX_MESSAGES);
    yyjson_arr_foreach (input, index, count, item) {
        if (add_input_item (item, document, turns, items) != 0)
            return -1;
    }
    return 0;
}

/* -- stored responses ------------------------------------------------------------------------ */

static void add_stored_message (yyjson_val *message, yyjson_mut_doc *document, yyjson_mut_val *turns)
{
    if (equals (member (message, "type"), "message") && add_message (message, document, turns) != 0)
        error_clear ();   /* not one that was stored here: left out */
}

void conversation_add_stored (yyjson_val *input, yyjson_val *response, yyjson_mut_doc *document, yyjson_mut_val *turns)
{
    yyjson_val *item;
    size_t index, count;
    yyjson_arr_foreach (input, index, count, item) {
        add_stored_message (item, document, turns);
    }
    yyjson_arr_foreach (yyjson_obj_get (response, "output"), index, count, item) {
        add_stored_message (item, document, turns);
    }
}

static size_t turn_size (yyjson_mut_val *turn)
{
    return yyjson_mut_get_len (yyjson_mut_obj_get (turn, "content"));
}

static bool is_said (yyjson_mut_val *turn)
{
    yyjson_mut_val *role = yyjson_mut_obj_get (turn, "role");
    return yyjson_mut_equals_str (role, "user") || yyjson_mut_equals_str (role, "assistant");
}

/* Removes the oldest, but never the last, until the size fits; all: what tells how to answer, too.
 * Returns the size that is left. */
static size_t cut_oldest (yyjson_mut_val *turns, size_t size, bool all)
{
    for (size_t left = yyjson_mut_arr_size (turns); left > 0; left--) {   /* each to the end, or away */
        yyjson_mut_val *turn = yyjson_mut_arr_remove_first (turns);
        if (left > 1 && size > MAX_TURNS_SENT && (all || is_said (turn)))
            size -= turn_size (turn);
        else
            yyjson_mut_arr_append (turns, turn);
    }
    return size;
}

void conversation_cut (yyjson_mut_val *turns)
{
    size_t size = 0, index, count;
    yyjson_mut_val *turn;
    yyjson_mut_arr_foreach (turns, index, count, turn) {
        size += turn_size (turn);
    }
    cut_oldest (turns, cut_oldest (turns, size, false), true);
}
