/* The full-text index, on Xapian: the only file that knows it. No exception leaves this file. */
#include "lexical.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <xapian.h>

#include "terms.h"

namespace {

const char *const kind_names [LEXICAL_KINDS] = {"pages", "heads", "chunks", "cards", "names"};

const char key_identity [] = "identity", key_applied [] = "applied";
const Xapian::valueno slot_file = 0, slot_page = 1;

/* A filter of up to this many files is a part of the query; a larger one is asked for each hit. */
const size_t most_filter_terms = 64;

/* BM25 with k1 = 1.2, b = 0.75 and the idf log (1 + (N - n + 0.5) / (n + 0.5)), which is positive
 * for every n.
 * Source: Robertson & Zaragoza 2009; the idf as in Lucene. */
class Bm25 : public Xapian::Weight {
    static constexpr double k1 = 1.2, b = 0.75;
    double idf = 0, average = 1;

    void init (double factor) override
    {
        double n = get_termfreq ();
        idf = std::log (1 + (get_collection_size () - n + 0.5) / (n + 0.5)) * factor;
        average = std::max (get_average_length (), 1.0);
    }

public:
    Bm25 ()
    {
        need_stat (COLLECTION_SIZE);
        need_stat (TERMFREQ);
        need_stat (AVERAGE_LENGTH);
        need_stat (WDF);
        need_stat (WDF_MAX);
        need_stat (DOC_LENGTH);
        need_stat (DOC_LENGTH_MIN);
    }

    Bm25 *clone () const override { return new Bm25; }
    std::string name () const override { return "quire::Bm25"; }

    double get_sumpart (Xapian::termcount wdf, Xapian::termcount length,
                        Xapian::termcount) const override
    {
        return idf * wdf * (k1 + 1) / (wdf + k1 * (1 - b + b * length / average));
    }

    double get_maxpart () const override
    {
        return get_sumpart (get_wdf_upper_bound (), get_doclength_lower_bound (), 0);
    }

    double get_sumextra (Xapian::termcount, Xapian::termcount) const override { return 0; }
    double get_maxextra () const override { return 0; }
};

/* Lets through the documents of a set of files. */
class FileFilter : public Xapian::MatchDecider {
    const number_set_t *allowed;

public:
    explicit FileFilter (const number_set_t *allowed) : allowed (allowed) {}
    bool operator() (const Xapian::Document &document) const override;
};

std::string pack (uint32_t number)
{
    return {char (number >> 24), char (number >> 16), char (number >> 8), char (number)};
}

uint32_t unpack (const std::string &packed)
{
    uint32_t number = 0;
    for (unsigned char byte : packed.substr (0, 4))
        number = number << 8 | byte;
    return number;
}

bool FileFilter::operator() (const Xapian::Document &document) const
{
    return number_set_has (allowed, unpack (document.get_value (slot_file)));
}

std::string file_term (uint32_t file)
{
    return "F" + std::to_string (file);   /* terms of texts are never upper case */
}

/* -- terms ---------------------------------------------------------------------------------- */

struct Collector {
    Xapian::Stem stem;
    bool stemmed;
    std::function<void (const std::string &)> take;
};

void collect (void *context, const char *term, term_kind_t kind)
{
    Collector &collector = *static_cast<Collector *> (context);
    collector.take (kind == TERM_WORD && collector.stemmed ? collector.stem (term) : term);
}

using walk_t = void (const char *, size_t, term_handler_t *, void *);

void walk (walk_t *terms, const char *text, size_t size, bool stemmed,
           std::function<void (const std::string &)> take)
{
    static thread_local Xapian::Stem english ("english");
    Collector collector {english, stemmed, std::move (take)};
    terms (text, size, collect, &collector);
}

std::vector<std::string> distinct (walk_t *terms, const char *text, size_t size, bool stemmed)
{
    std::vector<std::string> found;
    std::set<std::string> seen;
    walk (terms, text, size, stemmed, [&] (const std::string &term) {
        if (seen.insert (term).second)
            found.push_back (term);
    });
    return found;
}

/* -- failures ------------------------------------------------------------------------------- */

/* Runs a piece of work; what it throws becomes an error. */
int guarded (const char *tried, const std::function<void ()> &work)
{
    try {
        work ();
        return 0;
    } catch (const Xapian::Error &error) {
        const char *cause = error.get_error_string ();
        bool full = cause != nullptr && std::strstr (cause, "No space left") != nullptr;
        return lexical_fail (full ? LEXICAL_FULL : LEXICAL_DAMAGED, tried, error.get_msg ().c_str ());
    } catch (const std::bad_alloc &) {
        return lexical_fail (LEXICAL_MEMORY, tried, "");
    } catch (const std::exception &error) {
        return lexical_fail (LEXICAL_DAMAGED, tried, error.what ());
    }
}

std::string database_path (const std::string &folder, int kind)
{
    return folder + "/" + kind_names [kind];
}

}  // namespace

/* -- the writer's side ---------------------------------------------------------------------- */

struct lexical {
    std::string folder, identity;
    Xapian::WritableDatabase databases [LEXICAL_KINDS];
    uint64_t applied = 0;
};

namespace {

std::string identity_of (const lexical &index)
{
    return index.identity + " " LEXICAL_VERSION;
}

void create (lexical &index)
{
    index.applied = 0;
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        index.databases [kind].close ();
        std::string path = database_path (index.folder, kind);
        std::filesystem::remove_all (path);
        index.databases [kind] = Xapian::WritableDatabase (path, Xapian::DB_CREATE_OR_OVERWRITE);
        index.databases [kind].set_metadata (key_identity, identity_of (index));
        index.databases [kind].set_metadata (key_applied, "0");
        index.databases [kind].commit ();
    }
}

/* True when all of it is there and belongs to this store. */
bool open_existing (lexical &index)
{
    try {
        uint64_t applied = UINT64_MAX;
        for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
            Xapian::WritableDatabase &database = index.databases [kind];
            database = Xapian::WritableDatabase (database_path (index.folder, kind), Xapian::DB_OPEN);
            if (database.get_metadata (key_identity) != identity_of (index))
                return false;
            applied = std::min<uint64_t> (applied, std::stoull (database.get_metadata (key_applied)));
        }
        index.applied = applied;
        return true;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const Xapian::DatabaseLockError &) {
        throw;
    } catch (const Xapian::Error &) {
        return false;
    } catch (const std::logic_error &) {   /* "applied" is no number */
        return false;
    }
}

}  // namespace

lexical_t *lexical_open (const char *folder, const char *identity)
{
    std::unique_ptr<lexical> index;
    int result = guarded ("open", [&] {
        index = std::make_unique<lexical> ();
        index->folder = folder;
        index->identity = identity;
        std::filesystem::create_directories (folder);
        if (!open_existing (*index))
            create (*index);
    });
    return result == 0 ? index.release () : nullptr;
}

void lexical_close (lexical_t **lexical)
{
    if (*lexical == nullptr)
        return;
    (void) guarded ("close", [&] {
        for (Xapian::WritableDatabase &database : (*lexical)->databases) {
            try {
                database.close ();
            } catch (const Xapian::Error &) {   /* a cache: what is lost is made again */
            }
        }
    });
    delete *lexical;
    *lexical = nullptr;
}

int lexical_reset (lexical_t *lexical)
{
    return guarded ("make anew", [&] { create (*lexical); });
}

uint64_t lexical_applied (const lexical_t *lexical)
{
    return lexical->applied;
}

uint32_t lexical_count (const lexical_t *lexical, lexical_kind_t kind)
{
    uint32_t count = 0;
    (void) guarded ("count", [&] { count = lexical->databases [kind].get_doccount (); });
    return count;
}

int lexical_put (lexical_t *lexical, const lexical_document_t *source)
{
    return guarded ("add", [&] {
        Xapian::Document document;
        bool names = source->kind == LEXICAL_NAMES;
        walk (names ? terms_of_name : terms_of_text, source->text, source->size, !names,
              [&] (const std::string &term) { document.add_term (term); });
        document.add_boolean_term (file_term (source->file));
        document.add_value (slot_file, pack (source->file));
        document.add_value (slot_page, pack (source->page));
        lexical->databases [source->kind].replace_document (source->number, document);
    });
}

int lexical_remove_file (lexical_t *lexical, uint32_t file)
{
    return guarded ("remove", [&] {
        for (Xapian::WritableDatabase &database : lexical->databases)
            database.delete_document (file_term (file));
    });
}

int lexical_commit (lexical_t *lexical, uint64_t applied)
{
    return guarded ("commit", [&] {
        for (Xapian::WritableDatabase &database : lexical->databases) {
            database.set_metadata (key_applied, std::to_string (applied));
            database.commit ();
        }
        lexical->applied = applied;
    });
}

/* -- searching ------------------------------------------------------------------------------ */

struct lexical_reader {
    std::string folder;
    Xapian::Database databases [LEXICAL_KINDS];
    bool open = false;
};

namespace {

double idf_of (const Xapian::Database &database, const std::string &term)
{
    double n = database.get_termfreq (term);
    return std::log (1 + (database.get_doccount () - n + 0.5) / (n + 0.5));
}

/* The terms that the database has, the rarest first when there are too many. */
std::vector<std::string> known_terms (const Xapian::Database &database, std::vector<std::string> terms)
{
    terms.erase (std::remove_if (terms.begin (), terms.end (), [&] (const std::string &term) {
        return !database.term_exists (term);
    }), terms.end ());
    if (terms.size () <= MAX_QUESTION_TERMS)
        return terms;
    std::stable_sort (terms.begin (), terms.end (), [&] (const std::string &a, const std::string &b) {
        return database.get_termfreq (a) < database.get_termfreq (b);
    });
    terms.resize (MAX_QUESTION_TERMS);
    return terms;
}

Xapian::Query query_of (const std::vector<std::string> &terms, const number_set_t *allowed)
{
    Xapian::Query query (Xapian::Query::OP_OR, terms.begin (), terms.end ());
    if (allowed == nullptr || allowed->count > most_filter_terms)
        return query;
    std::vector<std::string> files;
    for (size_t word = 0; word < allowed->word_count; word++)
        for (int bit = 0; bit < 64; bit++)
            if (allowed->words [word] >> bit & 1)
                files.push_back (file_term (uint32_t (word * 64 + bit)));
    return {Xapian::Query::OP_FILTER, query,
            Xapian::Query (Xapian::Query::OP_OR, files.begin (), files.end ())};
}

std::vector<lexical_hit_t> find (const Xapian::Database &database, const std::vector<std::string> &wanted,
                                 const number_set_t *allowed, size_t limit)
{
    std::vector<lexical_hit_t> found;
    std::vector<std::string> terms = known_terms (database, wanted);
    if (terms.empty () || (allowed != nullptr && allowed->count == 0))
        return found;
    Xapian::Enquire enquire (database);
    enquire.set_query (query_of (terms, allowed));
    enquire.set_weighting_scheme (Bm25 ());
    FileFilter filter (allowed);
    bool asked_each = allowed != nullptr && allowed->count > most_filter_terms;
    Xapian::MSet matches = enquire.get_mset (0, Xapian::doccount (limit), 0, nullptr,
                                             asked_each ? &filter : nullptr);
    for (Xapian::MSetIterator i = matches.begin (); i != matches.end (); ++i) {
        const Xapian::Document document = i.get_document ();
        found.push_back ({*i, unpack (document.get_value (slot_file)),
                          unpack (document.get_value (slot_page)), float (i.get_weight ())});
    }
    return found;
}

/* Which share of a file's name, weighted by idf, do the question's words make up? */
float name_share (const Xapian::Database &database, Xapian::docid file,
                  const std::vector<std::string> &asked)
{
    double found = 0, all = 0;
    for (Xapian::TermIterator term = database.termlist_begin (file); term != database.termlist_end (file); ++term) {
        if ((*term) [0] == 'F')
            continue;
        double idf = idf_of (database, *term);
        all += idf;
        if (std::find (asked.begin (), asked.end (), *term) != asked.end ())
            found += idf;
    }
    return all > 0 ? float (found / all) : 0;
}

std::vector<lexical_hit_t> find_names (const Xapian::Database &database, const char *question, size_t size,
                                       const number_set_t *allowed, size_t limit)
{
    std::vector<std::string> asked = distinct (terms_of_question_as_names, question, size, false);
    std::vector<lexical_hit_t> found = find (database, asked, allowed, limit);
    for (lexical_hit_t &hit : found)
        hit.score = name_share (database, hit.number, asked);
    return found;
}

void hand_over (const std::vector<lexical_hit_t> &found, lexical_hits_t *hits, int kind)
{
    if (found.empty ())
        return;
    size_t bytes = found.size () * sizeof (lexical_hit_t);
    hits->hits [kind] = static_cast<lexical_hit_t *> (std::malloc (bytes));
    if (hits->hits [kind] == nullptr)
        throw std::bad_alloc ();
    std::memcpy (hits->hits [kind], found.data (), bytes);
    hits->counts [kind] = found.size ();
}

void refresh (lexical_reader &reader)
{
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        if (reader.open)
            reader.databases [kind].reopen ();
        else
            reader.databases [kind] = Xapian::Database (database_path (reader.folder, kind));
    }
    reader.open = true;
}

void search_all (lexical_reader &reader, const char *question, size_t size, const number_set_t *allowed,
                 lexical_hits_t *hits)
{
    std::vector<std::string> terms = distinct (terms_of_question, question, size, true);
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        if (hits->limits [kind] == 0)
            continue;
        const Xapian::Database &database = reader.databases [kind];
        hand_over (kind == LEXICAL_NAMES
            ? find_names (database, question, size, allowed, hits->limits [kind])
            : find (database, terms, allowed, hits->limits [kind]), hits, kind);
    }
}

void free_hits (lexical_hits_t *hits)
{
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        std::free (hits->hits [kind]);
        hits->hits [kind] = nullptr;
        hits->counts [kind] = 0;
    }
}

}  // namespace

lexical_reader_t *lexical_reader_new (const char *folder)
{
    std::unique_ptr<lexical_reader> reader;
    int result = guarded ("open for reading", [&] {
        reader = std::make_unique<lexical_reader> ();
        reader->folder = folder;
    });
    return result == 0 ? reader.release () : nullptr;
}

void lexical_reader_destroy (lexical_reader_t **reader)
{
    delete *reader;
    *reader = nullptr;
}

/* The writer may overtake a reader twice and so take its revision away, or have made the index
 * anew: then it is opened again. */
int lexical_search (lexical_reader_t *reader, const char *question, size_t size,
                    const number_set_t *allowed, lexical_hits_t *hits)
{
    const int tries = 4;
    for (int i = 0; i < tries; i++) {
        bool again = false;
        int result = guarded ("search", [&] {
            try {
                free_hits (hits);
                refresh (*reader);
                search_all (*reader, question, size, allowed, hits);
            } catch (const Xapian::DatabaseOpeningError &) {
                reader->open = false;   /* being made anew: nothing to be found yet */
            } catch (const Xapian::DatabaseError &) {
                reader->open = false;
                again = i + 1 < tries;
                if (!again)
                    throw;
            }
        });
        if (!again)
            return result;
    }
    return 0;
}

void lexical_hits_free (lexical_hits_t *hits)
{
    free_hits (hits);
}
