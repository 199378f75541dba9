/* The two descriptors that a reading child has beside its standard streams. */
#ifndef QUIRE_READER_DESCRIPTORS_H
#define QUIRE_READER_DESCRIPTORS_H

#define READER_SOCKET 3   /* requests in, replies out (frame.h) */
#define READER_FILE   4   /* the PDF, open for reading */

#endif
