/* What an extractor and its reading child agree on: the two descriptors that the child has beside its
 * standard streams, and its exit statuses when it could not even begin. The sandbox lets nothing that
 * the child does later end with them. */
#ifndef QUIRE_READER_DESCRIPTORS_H
#define QUIRE_READER_DESCRIPTORS_H

#define READER_SOCKET 3   /* requests in, replies out (frame.h) */
#define READER_FILE   4   /* the PDF, open for reading */

#define READER_NOT_STARTED  78   /* its log says why */
#define READER_NOT_FILTERED 79   /* the kernel refused the filter of system calls, when its log was closed */

#endif
