/* Fields that passed their check: what must hold of their values. */
#ifndef QUIRE_TESTS_CHECKED_H
#define QUIRE_TESTS_CHECKED_H

#include "field.h"

void checked_value (const field_t *field, const value_t *value);

#endif
